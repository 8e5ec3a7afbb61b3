//! A web server of a few dozen lines: enough for apt, and nothing else.

use crate::LabError;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Component, Path, PathBuf};

/// Serves the files below `directory` on `address` for ever.
pub fn serve(directory: &Path, address: &str) -> Result<(), LabError> {
    let listener = TcpListener::bind(address).map_err(LabError::file("listen for", address))?;
    for stream in listener.incoming().flatten() {
        let directory = directory.to_path_buf();
        // A client that hangs up concerns only itself.
        std::thread::spawn(move || drop(answer(&directory, stream)));
    }
    Ok(())
}

/// Answers requests until the client closes the connection: apt asks for many files over one.
fn answer(directory: &Path, mut stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        let path = request.split_whitespace().nth(1).unwrap_or_default();
        let file = below(directory, path)
            .filter(|path| path.is_file())
            .and_then(|path| File::open(path).ok());
        match file {
            Some(mut file) => {
                let length = file.metadata()?.len();
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                std::io::copy(&mut file, &mut stream)?;
            }
            None => write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
}

/// The file a request names, if it stays below the directory. Escapes are not decoded: no file here needs them but `~`.
fn below(directory: &Path, request: &str) -> Option<PathBuf> {
    let request = request.replace("%7e", "~").replace("%7E", "~");
    let relative = Path::new(request.trim_start_matches('/'));
    relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
        .then(|| directory.join(relative))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_never_leaves_the_directory() {
        let cases = [
            ("/dists/stable/Release", Some("/srv/dists/stable/Release")),
            ("/../etc/shadow", None),
            ("/pool/../../etc/shadow", None),
            ("//etc/shadow", Some("/srv/etc/shadow")),
        ];
        for (request, expected) in cases {
            assert_eq!(
                below(Path::new("/srv"), request),
                expected.map(PathBuf::from),
                "{request}"
            );
        }
    }
}
