// The icons: strokes of 24 by 24 pixels.

const PATHS = {
    chat: "M4 5h16v11H10l-4 4v-4H4z",
    contacts: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3-6 8-6s8 2 8 6",
    settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 3v3m0 12v3M3 12h3m12 0h3M5.6 5.6l2.2 2.2m8.4 8.4 2.2 2.2m0-12.8-2.2 2.2m-8.4 8.4-2.2 2.2",
    add: "M12 5v14M5 12h14",
    search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zm5-2 5 5",
    more: "M5 12h.01M12 12h.01M19 12h.01",
    back: "M15 5l-7 7 7 7",
    close: "M6 6l12 12M18 6L6 18",
    muted: "M6 16V11a6 6 0 0 1 9-5m3 4v6l2 2H8m2 3h4M4 4l16 16",
    smile: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 10h.01M15.5 10h.01M8 14c2 3 6 3 8 0",
    newFriend: "M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM3 21c0-4 3-6 7-6s7 2 7 6M19 8v6m-3-3h6",
    down: "M12 5v14m-6-6 6 6 6-6",
};

export function Icon({ name }: { name: keyof typeof PATHS }) {
    return <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}
