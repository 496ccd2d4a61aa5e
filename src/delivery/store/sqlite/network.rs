//! File systems of other machines: locks and shared memory do not work there as a database needs
//! them to.

use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
const NETWORK: &[(u64, &str)] = &[
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x5346_414f, "AFS"),
    (0x6b41_4653, "kAFS"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x7375_7245, "Coda"),
    (0x564c, "NCP"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x7461_636f, "OCFS2"),
    (0x0116_1970, "GFS2"),
    (0x1980_3401, "BeeGFS"),
    (0x786f_4256, "a folder that VirtualBox shares"),
];

/// What a program serves: of another machine, or of this one. The type of its mount tells.
#[cfg(target_os = "linux")]
const FUSE: u64 = 0x6573_5546;

/// Types of mounts that programs serve from disks of this machine.
#[cfg(target_os = "linux")]
const LOCAL: &[&str] = &[
    "fuseblk",
    "virtiofs",
    "fuse.grpcfuse",
    "fuse.mergerfs",
    "fuse.fuse-overlayfs",
    "fuse.gocryptfs",
    "fuse.encfs",
];

/// The name of the network file system that a folder lies on; `None`: it lies on this machine.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(folder: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::MetadataExt as _;

    let found = rustix::fs::statfs(folder)?;
    // Only 32 bits of it are the kind, and the type differs between machines.
    let kind = found.f_type as u64 & 0xffff_ffff;
    if kind != FUSE {
        return Ok(network_name(kind).map(ToOwned::to_owned));
    }
    let device = std::fs::metadata(folder)?.dev();
    let device = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
    // Without the list, nobody knows what serves it.
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    Ok(remote_fuse(&mounts, &device))
}

/// The same, where nobody knows how to tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn network_file_system(_folder: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
fn network_name(kind: u64) -> Option<&'static str> {
    NETWORK.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

/// The type of a device's mount, unless it is one of this machine. A line is `26 1 0:24 / /mnt rw
/// shared:1 - fuse.sshfs …`, with any number of words before the dash.
#[cfg(target_os = "linux")]
fn remote_fuse(mounts: &str, device: &str) -> Option<String> {
    let found = mounts
        .lines()
        .filter(|line| line.split(' ').nth(2) == Some(device))
        .find_map(|line| line.split_once(" - ")?.1.split(' ').next());
    let found = found.unwrap_or("FUSE");
    (!LOCAL.contains(&found)).then(|| found.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use crate::delivery::store::sqlite::network::network_name;
    use crate::delivery::store::sqlite::network::remote_fuse;

    #[test]
    fn network_file_systems_are_known_by_name() {
        for (kind, name) in [(0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0x00c3_6400, "Ceph")] {
            assert_eq!(network_name(kind), Some(name));
        }
        assert!(network_name(0x786f_4256).is_some_and(|name| name.contains("VirtualBox")));
        // ext4, tmpfs, overlay
        for kind in [0xef53, 0x0102_1994, 0x794c_7630] {
            assert_eq!(network_name(kind), None);
        }
    }

    const MOUNTS: &str = "\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
90 21 0:51 / /content/drive rw,nosuid shared:4 master:2 - fuse.drive drive rw,user_id=0
91 21 0:52 / /mnt/my\\040host rw - fuse.sshfs me@host:/a rw
92 21 8:17 / /mnt/disk rw - fuseblk /dev/sdb1 rw
93 21 0:53 / /workspace rw - virtiofs workspace rw
94 21 0:5 / /dev rw - devtmpfs devtmpfs rw
95 21 0:54 / /pool rw shared:9 - fuse.mergerfs a:b rw
96 21 0:55 / /dbfs rw - fuse /dev/fuse rw
";

    #[test]
    fn what_a_program_serves_is_refused_unless_it_is_of_this_machine() {
        for (device, expected) in [
            ("0:51", Some("fuse.drive")),
            ("0:52", Some("fuse.sshfs")),
            ("8:17", None),
            ("0:53", None),
            ("0:54", None),
            ("0:55", Some("fuse")),
            // Not in the list: 0:5 is another one.
            ("0:9", Some("FUSE")),
        ] {
            assert_eq!(remote_fuse(MOUNTS, device).as_deref(), expected, "{device}");
        }
        assert_eq!(remote_fuse("", "0:51").as_deref(), Some("FUSE"));
    }
}
