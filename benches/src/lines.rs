//! Log lines to look through: the shapes of ten systems, clean or with something to hide.

/// So many lines, of which every `every`-th has a secret; none where `every` is zero.
pub fn lines(count: usize, every: usize) -> Vec<String> {
    (0..count)
        .map(|n| {
            if every > 0 && n % every == 0 {
                secret(n)
            } else {
                clean(n)
            }
        })
        .collect()
}

/// Ordinary lines of ten systems.
pub fn clean(n: usize) -> String {
    let (a, b, c) = (n % 60, n * 7 % 100, n * 7919 % 1_000_000);
    match n % 10 {
        0 => format!(
            "2026-03-14 10:22:{a:02},{b:03} INFO [main] org.apache.hadoop.mapreduce.v2.app.MRAppMaster: Created job_1445144423722_{a:04} with {b} maps"
        ),
        1 => format!(
            "Mar 14 10:22:{a:02} combo sshd(pam_unix)[{c}]: session opened for user root by (uid=0) after {b} ms"
        ),
        2 => format!(
            "081109 2035{a:02} 148 INFO dfs.DataNode$PacketResponder: PacketResponder {b} for block blk_38865049064139660{c} terminating"
        ),
        3 => format!(
            "2026-03-14T10:22:{a:02}.{b:03}Z  INFO soliplex::sync: pulled {b} changes in {c} us, queue depth {a}, cursor moved to {c}"
        ),
        4 => format!(
            "03-14 10:22:{a:02}.{b:03}  1702  2395 D WindowManager: printFreezingDisplayLogs opening app wtoken = AppWindowToken, allDrawn= false, n={c}"
        ),
        5 => format!(
            "[Sun Mar 14 04:47:{a:02} 2026] [notice] workerEnv.init() ok /etc/httpd/conf/workers2.properties, child {c} in scoreboard slot {b}"
        ),
        6 => format!(
            "- 1117838570 2026.03.14 R02-M1-N0-C:J12-U11 RAS KERNEL INFO {b} instruction cache parity errors corrected, core {c}"
        ),
        7 => format!(
            "I/flutter ({c}): GoRouter: going to /items/{b}?tab=history, rebuilt {a} widgets in {b} ms"
        ),
        8 => format!(
            "nova-compute.log 10:22:{a:02}.{b:03} 2931 INFO nova.virt.libvirt.imagecache [req-addc1839-2ed5-4778-b57e-5854eb7b8b09] image in use: {b} local, version 12.{a}"
        ),
        _ => format!(
            "17/06/09 20:10:{a:02} INFO storage.MemoryStore: Block broadcast_{b} stored as values in memory (estimated size {c} B, free {b} MB)"
        ),
    }
}

/// Lines of the same systems with something to hide.
pub fn secret(n: usize) -> String {
    let line = clean(n);
    let (a, b) = (n % 200 + 10, n * 7 % 250);
    match n / 4 % 5 {
        0 => format!("{line} from 10.{a}.{b}.7"),
        1 => format!("{line} for ann.lee{n}@example.com"),
        2 => format!("{line} password=Tr0ub4dor{n}"),
        3 => format!("{line} Authorization: Bearer abcdef{n:08}ghijkl"),
        _ => format!("{line} ssn 219-09-{:04}", n % 9000 + 1000),
    }
}

/// Repeated to a mebibyte, these make a reader look again and again.
pub const HOSTILE: [&str; 26] = [
    "@",
    "7",
    "1.",
    "password=",
    "eyJ",
    "{",
    "a@b.",
    "key=\"",
    "key=",
    "::1 ",
    "AA11 ",
    "1234-",
    "http://a:b@",
    "=/home/",
    "pin:{",
    " -p",
    "(+",
    "%41",
    "(password",
    "AKIA\n",
    "a\n",
    "\u{1b}",
    "\u{1b}[",
    "%2",
    "&#64;",
    "a1b2c3d4e5f6g7h8i9j0k1.",
];
