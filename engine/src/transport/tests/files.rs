//! Files of a host: the same cases over SSH and on this machine.

use nebplay_modules::host::{FileKind, FileMeta, HostError, RunAs};

use super::running::hosts;

#[tokio::test]
async fn files() {
    let (hosts, sshd) = hosts().await;
    if sshd.is_none() {
        return;
    }
    let login = RunAs::Login;
    for host in &hosts {
        let dir = tempfile::tempdir().unwrap();
        let path = dir
            .path()
            .join("it's a\nfile: No such file or directory")
            .display()
            .to_string();
        assert_eq!(host.read_file(&path, &login, 10).await.unwrap(), None);
        assert_eq!(host.stat(&path, &login).await.unwrap(), None);
        let content: Vec<u8> = (0..=255).cycle().take(70_000).collect();
        let private = FileMeta {
            mode: Some(0o600),
            owner: Some("nobody".into()),
            group: None,
        };
        host.write_file(&path, &content, &private, &login).await.unwrap();
        assert!(host.read_file(&path, &login, 70_000).await.unwrap().unwrap() == content);
        assert!(
            host.read_file(&path, &login, 69_999)
                .await
                .unwrap_err()
                .to_string()
                .contains("larger")
        );
        // What is there already is kept.
        host.write_file(&path, b"new", &FileMeta::default(), &login)
            .await
            .unwrap();
        let stat = host.stat(&path, &login).await.unwrap().unwrap();
        assert_eq!(
            (stat.kind, stat.size, stat.mode, stat.owner.as_str()),
            (FileKind::File, 3, 0o600, "nobody")
        );
        // A link stays one.
        let link = dir.path().join("link").display().to_string();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        host.write_file(&link, b"through the link", &FileMeta::default(), &login)
            .await
            .unwrap();
        let stat = host.stat(&link, &login).await.unwrap().unwrap();
        assert_eq!(
            (stat.kind, stat.target.as_deref()),
            (FileKind::Link, Some(path.as_str()))
        );
        assert_eq!(
            host.read_file(&path, &login, 99).await.unwrap().unwrap(),
            b"through the link"
        );
        // Refusals leave nothing behind.
        let folder = dir.path().display().to_string();
        for (bad, meta) in [
            (folder.clone(), FileMeta::default()),
            (format!("{folder}/none/file"), FileMeta::default()),
            (
                format!("{folder}/x"),
                FileMeta {
                    owner: Some("no-such-user".into()),
                    ..FileMeta::default()
                },
            ),
        ] {
            let error = host.write_file(&bad, b"x", &meta, &login).await.unwrap_err();
            assert!(matches!(error, HostError::Refused { .. }), "{error}");
        }
        assert!(host.read_file(&folder, &login, 10).await.is_err());
        let mut names: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names.len(), 2, "{names:?}");
        // A name as long as there may be; and a half whose writer is gone goes, but neither one that is being written nor another's.
        let long = format!("{folder}/{}", "x".repeat(255));
        let half = |rest: &str| format!("{folder}/.nebplay.{}.{rest}", "x".repeat(200));
        let live = half(&format!("{}.abcdefghij", std::process::id()));
        let (dead, others) = (half("999999999.abcdefghij"), half("conf.999999999.abcdefghij"));
        for path in [&dead, &live, &others] {
            std::fs::write(path, "ha").unwrap();
        }
        host.write_file(&long, b"whole", &FileMeta::default(), &login)
            .await
            .unwrap();
        let there = [&long, &dead, &live, &others].map(|path| std::path::Path::new(path).exists());
        assert_eq!(there, [true, false, true, true]);
        // Somebody who may not look is told so, not that there is nothing.
        let nobody = RunAs::User("nobody".into());
        assert!(matches!(
            host.read_file(&path, &nobody, 10).await,
            Err(HostError::Refused { .. })
        ));
        assert!(host.stat("/proc/self", &login).await.unwrap().is_some());
    }
}
