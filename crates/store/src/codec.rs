//! Between Rust values and text columns: serde's form, so that database, API and page use one spelling.

use crate::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as JSON text.
pub(crate) fn json<T: Serialize>(table: &'static str, column: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt { table, column, reason: e.to_string() })
}

/// A value from JSON text.
pub(crate) fn parse<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt { table, column, reason: e.to_string() })
}

/// A fieldless enum from its bare name.
pub(crate) fn parse_name<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    name: String,
) -> Result<T, StoreError> {
    serde_json::from_value(serde_json::Value::String(name)).map_err(|e| StoreError::Corrupt {
        table,
        column,
        reason: e.to_string(),
    })
}

/// A count that SQLite keeps as a signed 64-bit integer.
pub(crate) fn small(table: &'static str, column: &'static str, value: i64) -> Result<u32, StoreError> {
    u32::try_from(value).map_err(|_| StoreError::Corrupt { table, column, reason: format!("{value} is out of range") })
}
