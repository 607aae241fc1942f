//! Metrics of the process, under the names that Prometheus' client libraries use. What the system does not tell stays 0.

use std::fs;
use std::time::SystemTime;

use domain::number::saturating;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge};
use rustix::process::Resource;
use rustix::time::ClockId;

/// Reads the process's figures at each scrape.
pub(crate) struct ProcessMetrics {
    cpu: Counter,
    resident: IntGauge,
    virtual_memory: IntGauge,
    threads: IntGauge,
    open_files: IntGauge,
    max_files: IntGauge,
    start: Gauge,
}

impl ProcessMetrics {
    #[expect(
        clippy::disallowed_methods,
        reason = "the start is shown by this machine's clock, as it is in all exporters"
    )]
    pub(crate) fn new() -> prometheus::Result<Self> {
        let start = Gauge::new("process_start_time_seconds", "Start of the process, in seconds since 1970.")?;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        start.set(now.unwrap_or_default().as_secs_f64());
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "User and system CPU time.")?,
            resident: IntGauge::new("process_resident_memory_bytes", "Resident memory.")?,
            virtual_memory: IntGauge::new("process_virtual_memory_bytes", "Virtual memory.")?,
            threads: IntGauge::new("process_threads", "Threads of the operating system.")?,
            open_files: IntGauge::new("process_open_fds", "Open file descriptors.")?,
            max_files: IntGauge::new("process_max_fds", "Limit of open file descriptors.")?,
            start,
        })
    }

    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu,
            &self.resident,
            &self.virtual_memory,
            &self.threads,
            &self.open_files,
            &self.max_files,
            &self.start,
        ]
    }

    fn read(&self) {
        let cpu = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
        let cpu = std::time::Duration::try_from(cpu).unwrap_or_default();
        self.cpu.inc_by((cpu.as_secs_f64() - self.cpu.get()).max(0.0));
        // Linux only; elsewhere there is no such file.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        self.resident.set(figure(&status, "VmRSS:").saturating_mul(1024));
        self.virtual_memory.set(figure(&status, "VmSize:").saturating_mul(1024));
        self.threads.set(figure(&status, "Threads:"));
        // The folder itself is open while it is read.
        let files = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
        self.open_files.set(saturating(files));
        self.max_files
            .set(saturating(rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)));
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.read();
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

/// The number after a name in `/proc/self/status`.
fn figure(status: &str, name: &str) -> i64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_status_file() {
        let status = "Name:\thongyan\nVmSize:\t  201 kB\nVmRSS:\t   12 kB\nThreads:\t7\n";
        assert_eq!(
            ["VmRSS:", "VmSize:", "Threads:", "Gone:"].map(|name| figure(status, name)),
            [12, 201, 7, 0]
        );
    }

    #[test]
    fn this_process_has_time_memory_threads_and_files() {
        let metrics = ProcessMetrics::new().unwrap();
        let families = metrics.collect();
        assert_eq!(families.len(), 7);
        let first = metrics.cpu.get();
        assert!(first > 0.0 && metrics.start.get() > 1.7e9, "{first}");
        for gauge in [
            &metrics.resident,
            &metrics.virtual_memory,
            &metrics.threads,
            &metrics.open_files,
            &metrics.max_files,
        ] {
            assert!(gauge.get() > 0, "{families:?}");
        }
        assert!(metrics.open_files.get() < metrics.max_files.get());
        metrics.collect();
        assert!(metrics.cpu.get() >= first);
    }
}
