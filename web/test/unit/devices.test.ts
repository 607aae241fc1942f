import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceName } from "../../src/text/devices.ts";

test("a device is called by its browser and its system", () => {
    const agents = {
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36 Edg/149.0.0.0": "Edge · Windows",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15": "Safari · macOS",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/137.0 Mobile/15E148 Safari/604.1": "Chrome · iPhone",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Mobile Safari/537.36": "Chrome · Android",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox · Linux",
        "Mozilla/5.0 (X11; Linux x86_64)": "Linux",
        "Mozilla/5.0": "Mozilla/5.0",
        "curl/8.5.0": "curl/8.5.0",
        "": "",
    };
    assert.deepEqual(Object.keys(agents).map(deviceName), Object.values(agents));
});
