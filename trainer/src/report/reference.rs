//! The layer reference, generated from doc comments through the JSON Schema.

use std::fmt::Write;

use imago_core::layer::LayerSpec;
use serde_json::Value;

pub struct Layer {
    pub name: &'static str,
    description: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: String,
    default: String,
    description: String,
}

/// All layers, in the order of the language.
pub fn layers() -> Vec<Layer> {
    let schema = imago_core::yaml::schema();
    let forms = schema["definitions"]["Layer"]["anyOf"].as_array().cloned().unwrap_or_default();
    let layer = |name: &&'static str| {
        let form = forms.iter().find(|form| form["properties"].get(name).is_some());
        let fields = form.map(|form| &form["properties"][name]).unwrap_or(&Value::Null);
        // A layer with a short form may also be a bare value; the map of its fields comes last.
        let fields = fields["anyOf"].as_array().and_then(|forms| forms.last()).unwrap_or(fields);
        let full = resolve(&schema, fields);
        let required: Vec<&str> = full["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let properties = full["properties"].as_object().cloned().unwrap_or_default();
        let mut known: Vec<Field> =
            properties.iter().map(|(name, field)| read_field(name, field, &required, &schema)).collect();
        // Required fields come first, as a person would write them.
        known.sort_by_key(|field| field.default != "required");
        Layer {
            name,
            description: form.and_then(|form| form["description"].as_str()).unwrap_or_default().to_owned(),
            fields: known,
        }
    };
    LayerSpec::NAMES.iter().map(layer).collect()
}

/// The name of the definition that a value refers to.
fn referred(value: &Value) -> Option<&str> {
    value["$ref"].as_str()?.rsplit('/').next()
}

fn resolve<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    referred(value).map_or(value, |name| &schema["definitions"][name])
}

fn read_field(name: &str, field: &Value, required: &[&str], schema: &Value) -> Field {
    let target = field["allOf"].get(0).or_else(|| field["anyOf"].get(0)).unwrap_or(field);
    let kind = match referred(target) {
        Some("Pair") => "whole number or [height, width]".to_owned(),
        Some("Padding") => "`valid`, `same` or a number".to_owned(),
        Some("Init") => "an initialiser".to_owned(),
        Some("Mode") => "`nearest` or `bilinear`".to_owned(),
        _ => kind_of(resolve(schema, target)),
    };
    let default = match (required.contains(&name), &field["default"]) {
        (true, _) => "required".to_owned(),
        (false, Value::Null) => String::new(),
        (false, Value::String(word)) => format!("`{word}`"),
        (false, value) => format!("`{value}`"),
    };
    let description = field["description"].as_str().unwrap_or_default().replace('\n', " ");
    Field { name: name.to_owned(), kind, default, description }
}

fn kind_of(value: &Value) -> String {
    match value["type"].as_str() {
        Some("integer") => "whole number".into(),
        Some("number") => "number".into(),
        Some("boolean") => "`true` or `false`".into(),
        Some("array") => "list of layers".into(),
        _ => "value".into(),
    }
}

impl Layer {
    pub fn summary(&self) -> String {
        let text = self.description.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        text.split_once(". ").map_or(text.trim_end_matches('.'), |(first, _)| first).to_owned()
    }

    pub fn page(&self) -> String {
        let mut page = format!("## {}\n\n{}\n", self.name, self.description);
        if !self.fields.is_empty() {
            page.push_str("\n| field | value | default | meaning |\n| --- | --- | --- | --- |\n");
            for Field { name, kind, default, description } in &self.fields {
                let _ = writeln!(page, "| `{name}` | {kind} | {default} | {description} |");
            }
        }
        page
    }
}

pub fn markdown() -> String {
    let mut text = "# The layers\n\nA layer is a bare word (`relu`), one key with its fields (`conv2d: { filters: 32, kernel: 3 }`), or a \
                    short form (`linear: 128`). Input sizes are never written: they follow from the layer before. Shapes are those of \
                    a batch, `[batch, channels, height, width]` for images and `[batch, values]` for rows.\n\nThis page is made by \
                    `imago layers --all` from the documentation of the code.\n\n| layer | |\n| --- | --- |\n"
        .to_owned();
    let layers = layers();
    for layer in &layers {
        let anchor = layer.name;
        let _ = writeln!(text, "| [`{anchor}`](#{anchor}) | {} |", layer.summary());
    }
    for layer in &layers {
        let _ = write!(text, "\n{}", layer.page());
    }
    text
}
