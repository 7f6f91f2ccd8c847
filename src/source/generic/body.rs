//! A verified body as a document: JSON, or a form as browsers and older systems send it. Pure.

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::event::clean;
use crate::event::lenient::{self, LenientError};

/// A form with more fields than this is no message.
const MOST_FIELDS: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is {0}")]
    Json(#[from] LenientError),
    #[error("the body is a form with more than {MOST_FIELDS} fields")]
    TooManyFields,
    #[error("the body is a form that is not UTF-8")]
    FormNotUtf8,
    #[error("the body is empty")]
    Empty,
}

/// Reads a body. A form whose `payload` holds JSON, as GitHub sends it, is that JSON.
pub fn read(content_type: Option<&[u8]>, bytes: &[u8]) -> Result<Value, BodyError> {
    if bytes.trim_ascii().is_empty() {
        return Err(BodyError::Empty);
    }
    let kind = content_type.unwrap_or_default().split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Ok(lenient::parse_json(bytes)?);
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(BodyError::FormNotUtf8);
    }
    let mut form = Map::new();
    for (count, (name, value)) in form_urlencoded::parse(bytes).enumerate() {
        if count >= MOST_FIELDS {
            return Err(BodyError::TooManyFields);
        }
        let value = Value::String(value.into_owned());
        match form.get_mut(name.as_ref()) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                form.insert(name.into_owned(), value);
            }
        }
    }
    let inner = form.get("payload").and_then(Value::as_str).and_then(|text| lenient::parse_json(text.as_bytes()).ok());
    Ok(inner.filter(Value::is_object).unwrap_or_else(|| clean(Value::Object(form))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const FORM: Option<&[u8]> = Some(b"application/x-www-form-urlencoded; charset=utf-8");

    #[test]
    fn json_and_forms_become_documents() {
        assert_eq!(read(None, br#"{"a":1}"#), Ok(json!({"a": 1})));
        assert_eq!(read(Some(b"text/plain"), b"[1]"), Ok(json!([1])));
        assert_eq!(read(FORM, b"a=1&b=x+y&b=%C3%A9"), Ok(json!({"a": "1", "b": ["x y", "\u{e9}"]})));
        assert_eq!(read(FORM, b"payload=%7B%22zen%22%3A%22z%22%7D"), Ok(json!({"zen": "z"})));
        assert_eq!(read(FORM, b"payload=plain"), Ok(json!({"payload": "plain"})));
        assert_eq!(read(None, b" \n"), Err(BodyError::Empty));
        assert_eq!(read(FORM, b"a=\xff"), Err(BodyError::FormNotUtf8));
        assert!(matches!(read(None, b"\xff{}"), Err(BodyError::Json(LenientError::NonUtf8 { at: 0 }))));
    }
}
