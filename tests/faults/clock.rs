//! A wall clock that jumps, for a process of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::task::spawn_blocking;

use crate::support::servers;

/// Adds the seconds that a file says to the wall clock of whoever loads it.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME) {
        long shift = 0;
        FILE *file = fopen("SHIFT", "r");
        if (file) {
            if (fscanf(file, "%ld", &shift) != 1) shift = 0;
            fclose(file);
        }
        now->tv_sec += shift;
    }
    return result;
}
"#;

/// A library to be loaded before all others, and the file it goes by.
pub(super) struct ShiftedClock {
    folder: PathBuf,
    library: PathBuf,
}

impl ShiftedClock {
    /// `name` sets it apart from those of other tests.
    pub(super) async fn make(name: &str) -> Self {
        let folder = servers()
            .await
            .supervisor
            .folder()
            .join(format!("clock-{name}"));
        fs::create_dir(&folder).unwrap();
        let clock = Self {
            library: folder.join("clock.so"),
            folder,
        };
        clock.shift(0);
        let source = clock.folder.join("clock.c");
        let shift = clock.folder.join("shift").display().to_string();
        fs::write(&source, SHIM.replace("SHIFT", &shift)).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]);
        compiler.args([&clock.library, &source]).arg("-ldl");
        let status = spawn_blocking(move || compiler.status()).await.unwrap();
        assert!(
            status.unwrap().success(),
            "make setup has found a C compiler"
        );
        clock
    }

    pub(super) fn library(&self) -> &Path {
        &self.library
    }

    pub(super) fn shift(&self, seconds: i64) {
        // In one piece: half a number would be another.
        let new = self.folder.join("new");
        fs::write(&new, seconds.to_string()).unwrap();
        fs::rename(&new, self.folder.join("shift")).unwrap();
    }
}
