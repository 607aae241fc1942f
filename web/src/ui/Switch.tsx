// A line with a switch.

export function Switch({ label, hint, isOn, onChange }: { label: string; hint?: string; isOn: boolean; onChange: () => void }) {
    return (
        <button class="line-button" role="switch" aria-checked={isOn} aria-label={label} onClick={onChange}>
            <span>{label}{hint && <small>{hint}</small>}</span><span class="switch" aria-hidden="true" />
        </button>
    );
}
