/** As a driver that aborts the process does, after a word to its error output. */
process.stderr.write("Couldn't load Vulkan: no such file\n", () => process.abort());
