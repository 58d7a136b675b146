//! The folder that dumps are written to. It holds a bounded number of them: the newest.

use crate::limits::MAX_DUMPS;
use std::{
    fs::{self, DirEntry, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::SystemTime,
};
use tandem_model::CallId;

const EXTENSION: &str = "dump";

/// What the first line of each dump begins with.
const BEGINNING: &[u8] = b"{\"tandem_dump\":";

/// Writes a dump, and deletes the oldest where there are more than [`MAX_DUMPS`] then. Blocks on the disk.
///
/// # Errors
/// The system's. No half of a dump stays behind.
pub(crate) fn write_to_folder(folder: &Path, call: CallId, text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let path = folder.join(format!("{call}.{EXTENSION}"));
    // It names numbers and addresses: it is for its owner alone.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    if let Err(error) = file.write_all(text.as_bytes()) {
        // The first error is the one to tell.
        let _ = fs::remove_file(&path);
        return Err(error);
    }
    delete_oldest(folder, &path)?;
    Ok(path)
}

/// Deletes dumps of ours until no more than [`MAX_DUMPS`] are left; `newest` stays.
fn delete_oldest(folder: &Path, newest: &Path) -> io::Result<()> {
    let mut dumps: Vec<(SystemTime, PathBuf)> = fs::read_dir(folder)?.filter_map(|entry| dump_of_ours(&entry.ok()?)).collect();
    dumps.retain(|(_, path)| path != newest);
    dumps.sort_unstable();
    let surplus = (dumps.len() + 1).saturating_sub(MAX_DUMPS);
    for (_, path) in &dumps[..surplus] {
        match fs::remove_file(path) {
            // Somebody else cleaned up.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

/// When it was written and where it is, if it is a file with the name and the beginning of a dump.
fn dump_of_ours(entry: &DirEntry) -> Option<(SystemTime, PathBuf)> {
    let path = entry.path();
    // A link, which may point anywhere, is no file here.
    let is_ours = entry.file_type().ok()?.is_file()
        && path.extension()? == EXTENSION
        && path.file_stem()?.to_str()?.starts_with("call_")
        && begins_as_dump(&path);
    is_ours.then_some((entry.metadata().ok()?.modified().ok()?, path))
}

fn begins_as_dump(path: &Path) -> bool {
    let mut beginning = [0; BEGINNING.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut beginning)).is_ok() && beginning == BEGINNING
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, time::Duration};

    const DUMP: &str = "{\"tandem_dump\":1}\n";

    fn call(number: u64) -> CallId {
        CallId::new(1_700_000_000_000 + number, 1)
    }

    #[test]
    fn the_newest_are_kept_and_nothing_else_is_deleted() {
        let folder = std::env::temp_dir().join(format!("tandem-folder-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
        for number in 0..MAX_DUMPS as u64 + 5 {
            let path = write_to_folder(&folder, call(number), DUMP).unwrap();
            // The one that was written first is the newest of all: a long call that failed late.
            let age = if number == 0 { Duration::from_secs(900_000) } else { Duration::from_secs(number) };
            File::options().write(true).open(path).unwrap().set_modified(long_ago + age).unwrap();
        }
        let names = |folder: &Path| -> BTreeSet<String> {
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let kept: BTreeSet<String> =
            std::iter::once(0).chain(6..MAX_DUMPS as u64 + 5).map(|number| format!("{}.dump", call(number))).collect();
        assert_eq!(names(&folder), kept);

        let foreign = ["notes.txt", "call_of_nature.dump", "core.dump"];
        for name in foreign {
            fs::write(folder.join(name), if name == "core.dump" { DUMP } else { "a recipe for soup\n" }).unwrap();
            File::options().write(true).open(folder.join(name)).unwrap().set_modified(long_ago - Duration::from_secs(1)).unwrap();
        }
        fs::create_dir(folder.join(format!("{}.dump", call(9_999)))).unwrap();
        write_to_folder(&folder, call(1_000), DUMP).unwrap();
        let names = names(&folder);
        assert!(foreign.iter().all(|name| names.contains(*name)), "{names:?}");
        assert_eq!(names.len(), MAX_DUMPS + foreign.len() + 1);
        assert!(names.contains(&format!("{}.dump", call(1_000))) && !names.contains(&format!("{}.dump", call(6))));
        fs::remove_dir_all(&folder).unwrap();
    }
}
