//! The table of cases: one thing that is wrong, the commands that must fail, and what they say.

use std::fs;

use super::world::World;

/// A mistake in the configuration.
pub(crate) const CONFIG: i32 = 78;
/// Something failed.
pub(crate) const FAILED: i32 = 1;

/// Something in the world that is wrong until it is put back.
pub(crate) enum Fault {
    /// In `job.yaml` the first text is replaced by the second.
    Edit(&'static str, &'static str),
    /// A file is cut in the middle.
    Cut(&'static str),
    /// A byte in a file is another one.
    Flip(&'static str),
    /// A file is gone.
    Remove(&'static str),
    /// Only the command is wrong.
    Command,
}

impl Fault {
    /// Breaks the world; what was there before is to be written back.
    fn inflict(&self, world: &World) -> Option<(&'static str, Vec<u8>)> {
        let path = match self {
            Self::Edit(..) => "job.yaml",
            Self::Cut(path) | Self::Flip(path) | Self::Remove(path) => path,
            Self::Command => return None,
        };
        let before = world.read(path);
        let mut bytes = before.clone();
        let middle = bytes.len() / 2;
        match self {
            Self::Edit(from, to) => {
                let text = String::from_utf8(bytes).unwrap();
                assert!(text.contains(from), "{from:?} is not in the manifest");
                bytes = text.replacen(from, to, 1).into_bytes();
            }
            Self::Cut(_) => bytes.truncate(middle),
            Self::Flip(_) => bytes[middle] ^= 1,
            Self::Remove(_) | Self::Command => {}
        }
        match self {
            Self::Remove(_) => fs::remove_file(world.path().join(path)).unwrap(),
            _ => world.write(path, bytes),
        }
        Some((path, before))
    }
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) fault: Fault,
    /// Commands, each of which has to fail.
    pub(crate) commands: &'static [&'static str],
    pub(crate) code: i32,
    /// What the error says: the place, then the remedy.
    pub(crate) says: &'static [&'static str],
}

/// Runs each case in a world of its own, puts back what was wrong, and runs the job to its end.
pub(crate) fn check(cases: &[Case]) {
    for Case { name, fault, commands, code, says } in cases {
        let world = World::half_done();
        let mend = fault.inflict(&world);
        let before = world.durable();
        for command in *commands {
            let case = format!("{name}: sabot {command}");
            world.sabot(&case, command).refused(&case, *code, says);
            assert!(world.durable() == before, "{case}: something durable has changed");
        }
        if let Some((path, bytes)) = mend {
            world.write(path, bytes);
        }
        world.completes(name, "");
    }
}
