//! Where a service listens.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// An address to listen on, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpAddress(pub Option<SocketAddr>);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(HttpAddress(None));
        }
        let refuse = |_| format!("{text:?} is not IP:PORT (e.g. 127.0.0.1:8080) or off");
        text.parse().map(|address| HttpAddress(Some(address))).map_err(refuse)
    }
}

impl HttpAddress {
    /// Not served.
    pub const OFF: HttpAddress = HttpAddress(None);

    /// Seen from this machine alone.
    pub const fn loopback(port: u16) -> Self {
        HttpAddress(Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)))
    }
}

impl fmt::Display for HttpAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("off"),
        }
    }
}
