export function peerPython(name: string, packages: string[] | string[][]): string | undefined;
export function tokenizePython(): string | undefined;
export function median(values: number[]): number;
