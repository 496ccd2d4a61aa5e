//! Which addresses may be dialled: decided on the addresses a name resolved to, right before they
//! are dialled, so that no spelling of a URL and no second look-up gets around it.
//!
//! Addresses that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo) are
//! judged by that address too. If one address of a name is forbidden, the whole name is: whoever
//! controls the name could answer with any of them.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// How far requests may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AddressPolicy {
    /// Everywhere but to link-local addresses and the metadata services of clouds.
    #[default]
    Metadata,
    /// To public addresses only. For URLs that others choose.
    Public,
    /// Everywhere.
    Any,
}

impl AddressPolicy {
    /// The word for it in options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Metadata => "metadata",
            Self::Public => "public",
            Self::Any => "any",
        }
    }
}

impl FromStr for AddressPolicy {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text {
            "metadata" => Ok(Self::Metadata),
            "public" => Ok(Self::Public),
            "any" => Ok(Self::Any),
            _ => Err(AddressError(format!("expected metadata, public or any, found {text:?}"))),
        }
    }
}

/// A policy and the networks that are allowed in spite of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    /// How far requests may go.
    pub policy: AddressPolicy,
    /// Networks that may be reached whatever the policy says.
    pub allow: Vec<Network>,
}

impl AddressRules {
    /// Whether this address may be dialled.
    pub fn allows(&self, address: IpAddr) -> bool {
        if self.allow.iter().any(|network| network.contains(address)) {
            return true;
        }
        let forbidden: fn(IpAddr) -> bool = match self.policy {
            AddressPolicy::Any => return true,
            AddressPolicy::Metadata => is_link_local_or_metadata,
            AddressPolicy::Public => is_not_public,
        };
        // An inner address that is allowed by name makes the outer one allowed as well.
        !forbidden(address)
            && inner_ipv4(address).into_iter().flatten().map(IpAddr::V4).all(|inner| {
                self.allow.iter().any(|network| network.contains(inner)) || !forbidden(inner)
            })
    }

    /// The first address that may not be dialled; with one, the name must not be used at all.
    pub fn first_forbidden(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
        addresses.into_iter().find(|address| !self.allows(*address))
    }
}

/// A network in CIDR notation, such as `10.0.0.0/8` or `fd00::/8`; a single address is one too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether the address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                base.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(address)) => {
                address.to_ipv4_mapped().is_some_and(|inner| self.contains(IpAddr::V4(inner)))
            }
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let bad = || AddressError(format!("expected a network such as 10.0.0.0/8, found {text:?}"));
        let (base, prefix) = match text.split_once('/') {
            Some((base, prefix)) => (base, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = base.trim().parse().map_err(|_| bad())?;
        let bits = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(prefix) => prefix.trim().parse().map_err(|_| bad())?,
        };
        if prefix > bits {
            return Err(bad());
        }
        Ok(Self { base, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

/// A text that is no policy or network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for AddressError {}

/// The IPv4 addresses that an IPv6 address stands for; Teredo names two.
fn inner_ipv4(address: IpAddr) -> [Option<Ipv4Addr>; 2] {
    let IpAddr::V6(address) = address else {
        return [None, None];
    };
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    let last = v4(segments[6], segments[7]);
    match segments {
        // ::ffff:a.b.c.d and ::ffff:0:a.b.c.d; NAT64, the well-known prefix and the local one.
        [0, 0, 0, 0, 0, 0xffff, _, _]
        | [0, 0, 0, 0, 0xffff, 0, _, _]
        | [0x64, 0xff9b, 0, 0, 0, 0, _, _]
        | [0x64, 0xff9b, 1, ..] => [Some(last), None],
        // ::a.b.c.d, but not :: and ::1.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => [Some(last), None],
        [0x2002, high, low, ..] => [Some(v4(high, low)), None],
        [0x2001, 0, high, low, ..] => {
            // The client's address is stored with all bits turned over.
            [Some(v4(high, low)), Some(Ipv4Addr::from_bits(!last.to_bits()))]
        }
        _ => [None, None],
    }
}

/// Metadata services outside the link-local networks.
const METADATA_V4: [Ipv4Addr; 2] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

fn is_link_local_or_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local() || METADATA_V4.contains(&v4),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80 || v6 == METADATA_V6,
    }
}

fn is_not_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_not_public_v4(v4),
        IpAddr::V6(v6) => is_not_public_v6(v6),
    }
}

fn is_not_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    METADATA_V4.contains(&address)
        || match a {
            // This network, private, loopback; multicast, reserved and broadcast.
            0 | 10 | 127 | 224.. => true,
            100 => (64..128).contains(&b),
            169 => b == 254,
            172 => (16..32).contains(&b),
            192 => b == 168 || (b == 0 && matches!(c, 0 | 2)) || (b == 88 && c == 99),
            198 => matches!(b, 18 | 19) || (b == 51 && c == 100),
            203 => b == 0 && c == 113,
            _ => false,
        }
}

fn is_not_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64, 6to4 and mapped ones lead to the IPv4 address inside, which is judged on its own.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x2002, ..] | [0, 0, 0, 0, 0, 0xffff, ..] => false,
        // Teredo leads into networks behind routers.
        [0x2001, 0, ..] => true,
        // The rest of 2001::/23 is for protocols; 2001:db8::/32 and 3fff::/20 for documents.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => true,
        [0x3fff, second, ..] if second < 0x1000 => true,
        // Only 2000::/3 is given out as global unicast.
        [first, ..] => first & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::delivery::address::AddressPolicy;
    use crate::delivery::address::AddressRules;
    use crate::delivery::address::Network;

    fn allowed(policy: AddressPolicy, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap_or_else(|_| panic!("{address}"));
        AddressRules { policy, allow: Vec::new() }.allows(address)
    }

    #[test]
    fn metadata_services_are_blocked_in_every_disguise() {
        let disguises = [
            "169.254.169.254",
            "169.254.170.2",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:169.254.169.254",
            "::ffff:0:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::",
            "2001:0:a9fe:a9fe::",
            "2001:0:1:2:3:4:5601:5601",
            "100.100.100.200",
        ];
        for address in disguises {
            assert!(!allowed(AddressPolicy::Metadata, address), "{address}");
            assert!(!allowed(AddressPolicy::Public, address), "{address}");
            assert!(allowed(AddressPolicy::Any, address), "{address}");
        }
    }

    #[test]
    fn the_default_lets_internal_receivers_be_reached() {
        for address in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd12::1", "8.8.8.8"] {
            assert!(allowed(AddressPolicy::Metadata, address), "{address}");
        }
    }

    #[test]
    fn the_public_policy_blocks_everything_else() {
        let blocked = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.7",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:0:7f00:1::",
            "3fff::1",
            "5f00::1",
        ];
        for address in blocked {
            assert!(!allowed(AddressPolicy::Public, address), "{address}");
        }
        let open = [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::",
        ];
        for address in open {
            assert!(allowed(AddressPolicy::Public, address), "{address}");
        }
    }

    #[test]
    fn one_forbidden_address_forbids_the_name() {
        let rules = AddressRules { policy: AddressPolicy::Public, allow: Vec::new() };
        let addresses: Vec<IpAddr> =
            ["8.8.8.8", "10.0.0.1"].iter().filter_map(|text| text.parse().ok()).collect();
        assert_eq!(rules.first_forbidden(addresses.clone()), Some(addresses[1]));
        assert_eq!(rules.first_forbidden(addresses[..1].iter().copied()), None);
    }

    #[test]
    fn allowed_networks_open_what_the_policy_forbids() {
        let allow: Vec<Network> = ["127.0.0.0/8", "fd00::/8", "10.1.2.3"]
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        assert_eq!(allow.len(), 3);
        let rules = AddressRules { policy: AddressPolicy::Public, allow };
        for (address, expected) in [
            ("127.4.4.4", true),
            ("::ffff:127.0.0.1", true),
            ("fd99::1", true),
            ("10.1.2.3", true),
            ("10.1.2.4", false),
            ("fe80::1", false),
        ] {
            let address: IpAddr = address.parse().unwrap_or_else(|_| panic!("{address}"));
            assert_eq!(rules.allows(address), expected, "{address}");
        }
        for bad in ["", "10.0.0.0/33", "fd00::/129", "10.0/8", "10.0.0.0/-1", "host/8"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        let everything: Result<Network, _> = "0.0.0.0/0".parse();
        assert!(everything.is_ok_and(|network| network.contains(IpAddr::from([9, 9, 9, 9]))));
    }
}
