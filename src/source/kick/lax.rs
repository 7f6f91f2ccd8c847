//! Reads single values as Kick sends them: what is optional may be missing, null, or of another type than documented,
//! and is then not there. Nothing is buffered, so that chat is read at the pace at which it comes.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A scalar as it came.
pub enum Scalar<'a> {
    Text(&'a str),
    Whole(i64),
    Flag(bool),
}

/// What a field is made of.
pub trait Take: Sized {
    fn take(scalar: Scalar<'_>) -> Option<Self>;
}

impl Take for String {
    /// An empty text says nothing.
    fn take(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => (!text.is_empty()).then(|| text.to_owned()),
            Scalar::Whole(number) => Some(number.to_string()),
            Scalar::Flag(_) => None,
        }
    }
}

impl Take for i64 {
    fn take(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Whole(number) => Some(number),
            Scalar::Text(text) => text.trim().parse().ok(),
            Scalar::Flag(_) => None,
        }
    }
}

impl Take for bool {
    fn take(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Flag(yes) => Some(yes),
            _ => None,
        }
    }
}

impl Take for DateTime<Utc> {
    /// With any offset: `+11:00` was seen.
    fn take(scalar: Scalar<'_>) -> Option<Self> {
        match scalar {
            Scalar::Text(text) => DateTime::parse_from_rfc3339(text.trim()).ok().map(|at| at.to_utc()),
            _ => None,
        }
    }
}

/// For `#[serde(deserialize_with)]`.
pub fn read<'de, D: Deserializer<'de>, T: Take>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Lax(PhantomData))
}

/// An object; anything else is none.
pub fn part<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(deserializer.deserialize_any(Part(PhantomData))?.unwrap_or_default())
}

/// The same, as what is there or not.
pub fn maybe<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Part(PhantomData))
}

/// A list of objects; what else is in it is left out.
pub fn list<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(deserializer.deserialize_any(List(PhantomData))?.unwrap_or_default())
}

struct Lax<T>(PhantomData<T>);
struct Part<T>(PhantomData<T>);
struct List<T>(PhantomData<T>);

/// One item of a list.
struct Item<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Part(PhantomData)).map(Item)
    }
}

/// What is not taken is read to its end.
fn skip_list<'de, A: SeqAccess<'de>, T>(mut items: A) -> Result<Option<T>, A::Error> {
    while items.next_element::<IgnoredAny>()?.is_some() {}
    Ok(None)
}

fn skip_object<'de, A: MapAccess<'de>, T>(mut entries: A) -> Result<Option<T>, A::Error> {
    while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(None)
}

/// The values of a visitor that takes none of these.
macro_rules! none_of {
    ($($name:ident($type:ty)),*) => {
        $(fn $name<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Ok(None)
        })*
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    };
}

impl<'de, T: Take> Visitor<'de> for Lax<T> {
    type Value = Option<T>;

    none_of!(visit_f64(f64));

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(T::take(Scalar::Text(text)))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(T::take(Scalar::Whole(number)))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(number).ok().and_then(|number| T::take(Scalar::Whole(number))))
    }
    fn visit_bool<E: Error>(self, yes: bool) -> Result<Self::Value, E> {
        Ok(T::take(Scalar::Flag(yes)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        skip_list(items)
    }
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        skip_object(entries)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Part<T> {
    type Value = Option<T>;

    none_of!(visit_f64(f64), visit_str(&str), visit_i64(i64), visit_u64(u64), visit_bool(bool));

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
        skip_list(items)
    }
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(Some)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
    type Value = Option<Vec<T>>;

    none_of!(visit_f64(f64), visit_str(&str), visit_i64(i64), visit_u64(u64), visit_bool(bool));

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut taken = Vec::new();
        while let Some(Item(item)) = items.next_element::<Item<T>>()? {
            taken.extend(item);
        }
        Ok(Some(taken))
    }
    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        skip_object(entries)
    }
}
