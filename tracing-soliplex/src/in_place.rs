//! Mapped files that a full disk must not take from under us.
//!
//! A file system that copies a page when it is written, as btrfs does, asks for room at the first
//! store to it after each writeback. Where there is none, that store ends the process with SIGBUS,
//! on whatever thread logs. Such a file system can be asked to write a file in place, as long as
//! nothing is in it. A snapshot undoes that for each page once, and some, like ZFS, know no such
//! thing.

use std::fs::File;

/// The number of btrfs: statfs(2).
#[cfg(target_os = "linux")]
const BTRFS: u32 = 0x9123_683e;

/// Asks for an empty file to be written in place from now on. Most file systems do so anyway.
#[cfg(target_os = "linux")]
pub(crate) fn ask(file: &File) {
    use rustix::fs::{IFlags, fstatfs, ioctl_getflags, ioctl_setflags};
    // The number's type is another one on each processor.
    let is_btrfs = fstatfs(file).is_ok_and(|found| found.f_type as u32 == BTRFS);
    if is_btrfs && let Ok(flags) = ioctl_getflags(file) {
        let _ = ioctl_setflags(file, flags | IFlags::NOCOW);
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn ask(_: &File) {}
