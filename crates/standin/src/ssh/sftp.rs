//! The requests that a reader makes (draft-ietf-secsh-filexfer-02, sections 6.3 to 6.9), over the stand-in's files.

use std::future::pending;
use std::sync::{Arc, Mutex};

use russh_sftp::protocol::{Attrs, Data, File, FileAttributes, Handle, Name, OpenFlags, Status, StatusCode};
use russh_sftp::server::Handler;
use tokio::sync::Notify;

use super::{DIRECTORY, Inner, Manner, Stored, lock};

/// Entries of one answer of the listing.
const ENTRIES: usize = 100;
const REGULAR: u32 = 0o100_644;
const DIRECTORY_MODE: u32 = 0o040_755;

pub(super) struct Sftp {
    inner: Arc<Mutex<Inner>>,
    manner: Manner,
    cut: Arc<Notify>,
    /// How far the listing is.
    listed: usize,
}

impl Sftp {
    pub(super) fn new(inner: Arc<Mutex<Inner>>, manner: Manner, cut: Arc<Notify>) -> Self {
        Self { inner, manner, cut, listed: 0 }
    }

    fn file(&self, handle: &str) -> Result<Stored, StatusCode> {
        lock(&self.inner).files.get(handle).cloned().ok_or(StatusCode::NoSuchFile)
    }

    fn log(&self, what: String) {
        lock(&self.inner).log.push(what);
    }
}

fn name_of(path: &str) -> Option<&str> {
    path.strip_prefix(DIRECTORY)?.strip_prefix('/')
}

fn about(file: &Stored) -> FileAttributes {
    FileAttributes {
        size: Some(file.bytes.len() as u64),
        permissions: Some(REGULAR),
        mtime: Some(file.changed),
        atime: Some(file.changed),
        ..FileAttributes::empty()
    }
}

impl Handler for Sftp {
    type Error = StatusCode;

    fn unimplemented(&self) -> StatusCode {
        StatusCode::OpUnsupported
    }

    async fn opendir(&mut self, id: u32, path: String) -> Result<Handle, StatusCode> {
        self.log("list".to_owned());
        self.listed = 0;
        let is_there = path.trim_end_matches('/') == DIRECTORY;
        is_there.then(|| Handle { id, handle: "directory".to_owned() }).ok_or(StatusCode::NoSuchFile)
    }

    async fn readdir(&mut self, id: u32, _: String) -> Result<Name, StatusCode> {
        if self.manner == Manner::StallList && self.listed > 0 {
            pending::<()>().await;
        }
        let mut all: Vec<File> = [".", ".."].into_iter().map(File::dummy).collect();
        all.extend(lock(&self.inner).files.iter().map(|(name, file)| File::new(name.clone(), about(file))));
        let step = if self.manner == Manner::StallList { 1 } else { ENTRIES };
        let files: Vec<File> = all.into_iter().skip(self.listed).take(step).collect();
        self.listed += files.len();
        if files.is_empty() { Err(StatusCode::Eof) } else { Ok(Name { id, files }) }
    }

    async fn open(&mut self, id: u32, path: String, _: OpenFlags, _: FileAttributes) -> Result<Handle, StatusCode> {
        let name = name_of(&path).ok_or(StatusCode::NoSuchFile)?;
        self.log(format!("read {name}"));
        if self.manner == Manner::Forbidden {
            return Err(StatusCode::PermissionDenied);
        }
        self.file(name)?;
        if self.manner == Manner::Grows
            && let Some(file) = lock(&self.inner).files.get_mut(name)
        {
            file.bytes.push(b'\n');
        }
        Ok(Handle { id, handle: name.to_owned() })
    }

    async fn read(&mut self, id: u32, handle: String, offset: u64, len: u32) -> Result<Data, StatusCode> {
        let file = self.file(&handle)?;
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(file.bytes.len());
        let limit = match self.manner {
            Manner::StallRead(most) | Manner::CutRead(most) | Manner::Truncate(most) => most.min(file.bytes.len()),
            _ => file.bytes.len(),
        };
        let end = limit.min(begin.saturating_add(len as usize));
        if begin < end {
            return Ok(Data { id, data: file.bytes[begin..end].to_vec() });
        }
        match self.manner {
            Manner::StallRead(_) => pending().await,
            Manner::CutRead(_) => {
                self.cut.notify_one();
                pending().await
            }
            _ => Err(StatusCode::Eof),
        }
    }

    async fn fstat(&mut self, id: u32, handle: String) -> Result<Attrs, StatusCode> {
        Ok(Attrs { id, attrs: about(&self.file(&handle)?) })
    }

    async fn realpath(&mut self, id: u32, path: String) -> Result<Name, StatusCode> {
        let path = if path.starts_with('/') { path } else { DIRECTORY.to_owned() };
        Ok(Name { id, files: vec![File::dummy(path)] })
    }

    async fn lstat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        self.stat(id, path).await
    }

    async fn stat(&mut self, id: u32, path: String) -> Result<Attrs, StatusCode> {
        if path.trim_end_matches('/') == DIRECTORY {
            return Ok(Attrs {
                id,
                attrs: FileAttributes { permissions: Some(DIRECTORY_MODE), ..FileAttributes::empty() },
            });
        }
        let name = name_of(&path).ok_or(StatusCode::NoSuchFile)?;
        Ok(Attrs { id, attrs: about(&self.file(name)?) })
    }

    async fn close(&mut self, id: u32, _: String) -> Result<Status, StatusCode> {
        let words = ("Ok".to_owned(), "en".to_owned());
        Ok(Status { id, status_code: StatusCode::Ok, error_message: words.0, language_tag: words.1 })
    }
}
