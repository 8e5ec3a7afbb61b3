//! A scripted oned for tests: speaks HTTP and XML-RPC on a stream, and answers what the test says.

use std::sync::Arc;

use quick_xml::escape::escape;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::host::HostError;
use crate::opennebula::xml;
use crate::testing::Listener;

/// A call as the scripted oned received it.
#[derive(Debug, Clone)]
pub struct Call {
    /// `ADDRESS:PORT` that was connected to.
    pub address: String,
    /// The method.
    pub method: String,
    /// Its parameters as texts, the session first.
    pub params: Vec<String>,
}

/// What it answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes, then the end.
    Raw(Vec<u8>),
    /// Nothing, and the connection stays open.
    Silence,
    /// The connection is refused.
    NoConnection,
    /// The host that connects cannot be reached.
    Unreachable,
}

impl Reply {
    /// Yes, and a text.
    pub fn text(text: &str) -> Self {
        Self::body(&format!(
            "<value><boolean>1</boolean></value>\n<value><string>{}</string></value>\n<value><i4>0</i4></value>",
            escape(text)
        ))
    }

    /// Yes, and a number.
    pub fn int(number: i64) -> Self {
        Self::body(&format!(
            "<value><boolean>1</boolean></value>\n<value><i4>{number}</i4></value>\n<value><i4>0</i4></value>"
        ))
    }

    /// No, for this reason.
    pub fn no(code: i64, text: &str) -> Self {
        Self::body(&format!(
            "<value><boolean>0</boolean></value>\n<value><string>{}</string></value>\n<value><i4>{code}</i4></value>\n\
             <value><i4>-1</i4></value>\n<value><i8>-1</i8></value>",
            escape(text)
        ))
    }

    fn body(values: &str) -> Self {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n<params>\n<param><value><array><data>\n{values}\n\
             </data></array></value></param>\n</params>\n</methodResponse>"
        );
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-type: text/xml; charset=utf-8\r\nContent-length: {}\r\nConnection: close\r\n\
             Server: Xmlrpc-c_Abyss/1.33.14\r\n\r\n",
            body.len()
        );
        Self::Raw((head + &body).into_bytes())
    }

    /// The bytes it sends.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Silence | Self::NoConnection | Self::Unreachable => Vec::new(),
        }
    }
}

/// A listener for `FakeHost::listener`. The answer may depend on the call; a refused connection is asked for with an empty method
/// before anything is sent.
pub fn oned(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Listener {
    let answer: Arc<dyn Fn(&Call) -> Reply + Send + Sync> = Arc::new(answer);
    Arc::new(move |address, port| {
        let probe = Call {
            address: format!("{address}:{port}"),
            method: String::new(),
            params: Vec::new(),
        };
        match answer(&probe) {
            Reply::NoConnection => Err(HostError::Refused {
                host: "fake".to_owned(),
                what: format!("connect to {address}:{port}"),
                why: "Connection refused".to_owned(),
            }),
            Reply::Unreachable => Err(HostError::Unreachable {
                host: "fake".to_owned(),
                why: "No route to host".to_owned(),
                sent: false,
            }),
            Reply::Raw(_) | Reply::Silence => {
                let (near, far) = tokio::io::duplex(1 << 20);
                tokio::spawn(serve(far, probe, Arc::clone(&answer)));
                Ok(near)
            }
        }
    })
}

async fn serve(mut stream: DuplexStream, probe: Call, answer: Arc<dyn Fn(&Call) -> Reply + Send + Sync>) {
    let mut request = Vec::new();
    let body = loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((_, body)) = text.split_once("\r\n\r\n")
            && body.ends_with("</methodCall>")
        {
            break body.to_owned();
        }
        if !matches!(stream.read_buf(&mut request).await, Ok(1..)) {
            return;
        }
    };
    let Ok(root) = xml::parse(&body) else {
        return;
    };
    let params = root
        .child("params")
        .into_iter()
        .flat_map(|params| params.all("param"));
    let param = |param: &xml::Element| Some(param.child("value")?.children.first()?.text.clone());
    let call = Call {
        method: root.text_of("methodName").unwrap_or_default().to_owned(),
        params: params.filter_map(param).collect(),
        ..probe
    };
    match answer(&call) {
        Reply::Raw(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Reply::Silence => std::future::pending().await,
        Reply::NoConnection | Reply::Unreachable => {}
    }
}
