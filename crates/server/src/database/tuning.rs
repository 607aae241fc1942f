//! How the own cluster is set up for this machine. Who brings a database of one's own sets that up oneself.

const MIB: u64 = 1024 * 1024;

/// PostgreSQL's settings by name and value, for a machine with so many bytes of memory; where that is not known, what
/// PostgreSQL itself would assume.
///
/// - A quarter of the memory holds pages, as PostgreSQL's manual advises; the system's own cache needs the rest.
/// - Checkpoints are as far apart as a restart of a few seconds allows: the first change of a page after each of them
///   writes the whole page to the log.
/// - Random reads cost about as much as sequential ones on the disks of today, so that indexes are preferred.
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

/// In MiB: a quarter, in steps that a slightly different memory does not change.
const fn shared_buffers(memory: u64) -> u64 {
    const STEP: u64 = 64;
    let steps = memory / MIB / 4 / STEP;
    let steps = if steps == 0 { 1 } else { steps };
    let most = 4096 / STEP;
    STEP * if steps > most { most } else { steps }
}

/// The memory that this process may use, in bytes: that of the machine, or less where a container is held to less. Not
/// known where there is no Linux.
#[must_use]
pub(crate) fn memory() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text))?;
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max");
    let limit = limit.ok().and_then(|text| text.trim().parse().ok());
    Some(limit.map_or(machine, |limit: u64| limit.min(machine)))
}

/// `MemTotal` of `/proc/meminfo`, which is given in KiB.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_of_the_memory_holds_pages_within_bounds() {
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
    fn unknown_memory_leaves_the_buffers_to_postgres() {
        let named = |memory| cluster_settings(memory).iter().any(|(name, _)| name == "shared_buffers");
        assert!(!named(None));
        assert!(named(Some(MIB)));
    }

    #[test]
    fn the_machines_memory_is_read_from_the_kernels_own_words() {
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
