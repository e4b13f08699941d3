//! Puts tables into a page in Markdown, between the marks that it has for them.
//!
//! `<!-- figures: commands -->` begins the place of a scenario's figures, `<!-- end of figures -->` ends it; what stands around is
//! left as it is. The figures of `machine` are what they were measured on.

use std::{fs, io, path::Path, process::Command};

use crate::{
    measure::Row,
    report::{HEAD, cells},
    scenarios::Scenario,
    setting::Setting,
};

const END: &str = "<!-- end of figures -->";

/// A page, and what goes into it.
pub struct Page<'p> {
    path: &'p Path,
    text: String,
}

impl<'p> Page<'p> {
    /// The page as it is. It is refused if it has no place for one of these scenarios.
    pub fn open(path: &'p Path, scenarios: &[&Scenario]) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let page = Page { path, text };
        for name in std::iter::once("machine").chain(scenarios.iter().map(|scenario| scenario.name)) {
            page.place(name)?;
        }
        Ok(page)
    }

    /// Where the figures of this name are.
    fn place(&self, name: &str) -> Result<std::ops::Range<usize>, String> {
        let mark = format!("<!-- figures: {name} -->");
        let missing = || format!("{} has no place for `{name}`: {mark} and {END}", self.path.display());
        let from = self.text.find(&mark).ok_or_else(missing)? + mark.len();
        let to = self.text[from..].find(END).ok_or_else(missing)?;
        Ok(from..from + to)
    }

    /// Puts a scenario's figures into its place.
    pub fn put(
        &mut self,
        setting: &Setting,
        scenario: &Scenario,
        rows: &[Row],
        notes: &[String],
    ) -> Result<(), String> {
        let mut text = String::from("\n\n");
        let line = |cells: &[String; 6]| format!("| {} |\n", cells.join(" | "));
        text += &line(&HEAD.map(str::to_owned));
        text += "|---|--:|--:|---|--:|---|\n";
        for row in rows {
            let mut cells = cells(row);
            cells[0] = format!("`{}`", cells[0]);
            text += &line(&cells);
        }
        text += &format!("\n- {} rounds\n", setting.rounds);
        for note in notes {
            text += &format!("- {note}\n");
        }
        text.push('\n');
        let place = self.place(scenario.name)?;
        self.text.replace_range(place, &text);
        Ok(())
    }

    /// Writes the page, with what it was measured on.
    pub fn write(mut self, dir: &Path) -> Result<(), String> {
        let place = self.place("machine")?;
        let mut text = String::from("\n\n");
        for (what, is) in machine(dir) {
            text += &format!("- {what}: {is}\n");
        }
        text.push('\n');
        self.text.replace_range(place, &text);
        fs::write(self.path, &self.text).map_err(|error| format!("{}: {error}", self.path.display()))
    }
}

/// What this machine is, as far as it says so.
fn machine(dir: &Path) -> [(&'static str, String); 7] {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
    };
    let unknown = || "unknown".to_owned();
    let kilobytes = field(&read("/proc/meminfo"), "MemTotal")
        .and_then(|total| total.split_whitespace().next()?.parse::<f64>().ok());
    let rust = Command::new("rustc").arg("--version").output().ok();
    let rust =
        rust.and_then(|output| String::from_utf8(output.stdout).ok()).map(|text| text.trim().to_owned());
    let (files, cache) = disk(dir).unwrap_or_else(|_| (unknown(), unknown()));
    [
        ("processor", field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown)),
        ("cores", std::thread::available_parallelism().map_or_else(|_| unknown(), |cores| cores.to_string())),
        ("memory", kilobytes.map_or_else(unknown, |total| format!("{:.0} GiB", total / 1024.0 / 1024.0))),
        ("file system", files),
        ("the disk's cache", cache),
        (
            "kernel",
            format!(
                "{} {}",
                read("/proc/sys/kernel/ostype").trim(),
                read("/proc/sys/kernel/osrelease").trim().split('.').take(2).collect::<Vec<_>>().join(".")
            ),
        ),
        ("Rust", rust.unwrap_or_else(unknown)),
    ]
}

/// Which of a file system's options have to do with what a write or a sync costs.
fn matters(option: &str) -> bool {
    let names = [
        "barrier",
        "nobarrier",
        "data",
        "commit",
        "sync",
        "discard",
        "journal_async_commit",
        "dax",
        "compress",
    ];
    names.contains(&option.split('=').next().unwrap_or_default())
}

/// The file system that a directory is on, with its options, and the cache of the device that it is on.
fn disk(dir: &Path) -> io::Result<(String, String)> {
    let dir = dir.canonicalize()?;
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let holds = |mount: &Vec<&str>| mount.len() > 3 && dir.starts_with(mount[1]);
    // The longest is the nearest, and of two at one place the later one covers the other.
    let mount = mount.filter(holds).max_by_key(|mount| mount[1].len());
    let mount = mount.ok_or_else(|| io::Error::other("no mount"))?;
    let device = mount[0].rsplit('/').next().unwrap_or_default();
    let about =
        |what: &str| fs::read_to_string(format!("/sys/class/block/{device}/{what}")).unwrap_or_default();
    let options: Vec<_> = mount[3].split(',').filter(|option| matters(option)).collect();
    let options = if options.is_empty() { String::new() } else { format!(" ({})", options.join(", ")) };
    let cache = match about("queue/write_cache").trim() {
        "" => "unknown".to_owned(),
        cache => cache.to_owned(),
    };
    Ok((format!("{}{options}", mount[2]), cache))
}
