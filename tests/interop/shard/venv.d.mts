export function shardPython(): string | undefined;
