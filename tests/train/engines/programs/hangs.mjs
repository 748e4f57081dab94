/** As a driver that never answers. */
setInterval(() => {}, 1000);
