//! The JSON Schema of the language.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::pipeline::Pipeline;

/// The JSON Schema (draft 7) of a pipeline, for completion and checks in editors.
pub fn schema() -> Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Pipeline>();
    schema.to_value()
}
