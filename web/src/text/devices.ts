// The name of a device by its `User-Agent`, as people call it: a browser and a system.

const BROWSERS: [RegExp, string][] = [
    [/Edg(e|A|iOS)?\//, "Edge"], [/OPR\//, "Opera"], [/SamsungBrowser\//, "Samsung Internet"], [/Firefox\/|FxiOS\//, "Firefox"], [/Chrome\/|CriOS\//, "Chrome"], [/Safari\//, "Safari"],
];
const SYSTEMS: [RegExp, string][] = [
    [/iPhone/, "iPhone"], [/iPad/, "iPad"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X|Macintosh/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"],
];

/** A program that is no browser is called by what it says. */
export function deviceName(agent: string): string {
    const named = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(agent))?.[1];
    const parts = agent.startsWith("Mozilla/") ? [named(BROWSERS), named(SYSTEMS)].filter((part) => part !== undefined) : [];
    return parts.length > 0 ? parts.join(" · ") : agent;
}
