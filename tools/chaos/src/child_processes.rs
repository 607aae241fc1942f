//! Child processes of a process, read from `/proc`, and signals to them.

use rustix::process::{Pid, Signal, kill_process};

/// The ids of the processes that this one has started and not outlived.
pub(crate) fn children_of(parent: u32) -> Vec<u32> {
    let listing = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = listing.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // "pid (name) state parent …"; the name may contain any character.
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// Sends a signal; ignores a process that is gone already.
pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn children_are_found_and_a_signal_reaches_the_one_it_is_for() {
        let start = || Command::new("sleep").arg("60").spawn().unwrap();
        let [mut one, mut other] = [start(), start()];
        let found = children_of(std::process::id());
        assert!([one.id(), other.id()].iter().all(|pid| found.contains(pid)), "{found:?}");
        signal(one.id(), Signal::KILL);
        assert_eq!(one.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
        signal(other.id(), Signal::KILL);
        other.wait().unwrap();
        assert!(!children_of(std::process::id()).contains(&other.id()));
    }
}
