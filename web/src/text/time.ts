// Times as WeChat writes them: 14:05 today, 昨天, the weekday within a week, then the date.

import type { Text } from "./zh.ts";

const two = (number: number) => String(number).padStart(2, "0");
const clock = (date: Date) => `${two(date.getHours())}:${two(date.getMinutes())}`;

function daysBefore(date: Date, now: Date): number {
    const day = (of: Date) => Date.UTC(of.getFullYear(), of.getMonth(), of.getDate()) / 86_400_000;
    return day(now) - day(date);
}

/** In the list of chats. */
export function listTime(iso: string, now: Date, text: Text): string {
    const date = new Date(iso);
    const days = daysBefore(date, now);
    if (days <= 0) {
        return clock(date);
    }
    if (days === 1) {
        return text.yesterday;
    }
    if (days < 7) {
        return text.weekdays[date.getDay()] ?? "";
    }
    return text.shortDate(date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getFullYear() === now.getFullYear());
}

/** Between two messages. */
export function lineTime(iso: string, now: Date, text: Text): string {
    const date = new Date(iso);
    const days = daysBefore(date, now);
    if (days <= 0) {
        return clock(date);
    }
    const year = date.getFullYear() === now.getFullYear() ? undefined : date.getFullYear();
    const day = days === 1 ? text.yesterday : days < 7 ? text.weekdays[date.getDay()] : text.date(date.getMonth() + 1, date.getDate(), year);
    return `${day} ${clock(date)}`;
}
