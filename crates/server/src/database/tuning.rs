//! Tunes the embedded cluster for this machine. A configured database is left alone.

const MIB: u64 = 1024 * 1024;

/// PostgreSQL settings as pairs of name and value, for a machine with this many bytes of memory. Unknown memory leaves
/// `shared_buffers` at PostgreSQL's default.
///
/// - `shared_buffers` is a quarter of the memory, as PostgreSQL's manual advises; the page cache of the system needs the rest.
/// - Checkpoints are as rare as a recovery within seconds allows: the first change of a page after a checkpoint writes the
///   whole page to the log.
/// - Random reads cost about as much as sequential ones on current disks, so the planner should prefer indexes.
#[must_use]
pub(crate) fn cluster_settings(memory: Option<u64>) -> Vec<(String, String)> {
    let mut settings = vec![
        ("max_wal_size", "2GB".to_owned()),
        ("checkpoint_timeout", "15min".to_owned()),
        ("random_page_cost", "1.1".to_owned()),
    ];
    if let Some(memory) = memory {
        settings.push(("shared_buffers", format!("{}MB", shared_buffers(memory))));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// A quarter of the memory in MiB, rounded down to a step, so that a slightly different size changes nothing.
const fn shared_buffers(memory: u64) -> u64 {
    const STEP: u64 = 64;
    let steps = memory / MIB / 4 / STEP;
    let steps = if steps == 0 { 1 } else { steps };
    let max = 4096 / STEP;
    STEP * if steps > max { max } else { steps }
}

/// The memory that this process may use, in bytes: the machine's, or the limit of its control group. `None` except on Linux.
#[must_use]
pub(crate) fn memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text))?;
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max");
    let limit = limit.ok().and_then(|text| text.trim().parse().ok());
    Some(limit.map_or(machine, |limit: u64| limit.min(machine)))
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_buffers_are_a_quarter_of_the_memory_within_bounds() {
        for (memory, buffers) in [
            (0, 64),
            (512 * MIB, 128),
            (1000 * MIB, 192),
            (1024 * MIB, 256),
            (23_900 * MIB, 4096),
            (u64::MAX, 4096),
        ] {
            assert_eq!(shared_buffers(memory), buffers, "{memory}");
        }
    }

    #[test]
    fn unknown_memory_leaves_shared_buffers_at_the_default() {
        let named = |memory| cluster_settings(memory).iter().any(|(name, _)| name == "shared_buffers");
        assert!(!named(None));
        assert!(named(Some(MIB)));
    }

    #[test]
    fn memory_is_parsed_from_meminfo() {
        assert_eq!(total("MemTotal:       24689176 kB\nMemFree: 1 kB\n"), Some(24_689_176 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal: many\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_has_some_memory() {
        assert!(memory().is_some_and(|memory| memory > 64 * MIB));
    }
}
