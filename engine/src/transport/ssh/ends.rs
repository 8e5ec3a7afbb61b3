//! How a channel ended, in our words.

use nebplay_modules::host::Exit;
use ssh2::Channel;

/// How the command ended. A signal leaves the exit status at 0, so it is asked for first.
pub(super) fn exit_of(channel: &Channel) -> Exit {
    let signal = channel.exit_signal().ok().and_then(|signal| signal.exit_signal);
    match signal {
        Some(name) => Exit::Signal(signal_number(&name)),
        None => Exit::Code(channel.exit_status().unwrap_or(-1)),
    }
}

/// The number of a signal on Linux from its SSH name; 0 for one without a name.
fn signal_number(name: &str) -> i32 {
    match name {
        "HUP" => 1,
        "INT" => 2,
        "QUIT" => 3,
        "ILL" => 4,
        "ABRT" => 6,
        "FPE" => 8,
        "KILL" => 9,
        "USR1" => 10,
        "SEGV" => 11,
        "USR2" => 12,
        "PIPE" => 13,
        "ALRM" => 14,
        "TERM" => 15,
        _ => 0,
    }
}

/// Says which of the two it is: the host forwards nothing, or nothing listens there.
pub(super) fn tunnel_refusal(why: &str) -> String {
    if why.contains("administratively prohibited") {
        "the SSH server does not forward TCP connections (AllowTcpForwarding)".to_owned()
    } else if why.contains("connect failed") {
        "connection refused: nothing listens there, or the host cannot reach it".to_owned()
    } else {
        why.to_owned()
    }
}
