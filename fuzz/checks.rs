//! Invariants for any input, called by the fuzz targets and by the replay of their corpora.

use imago_core::artifact::{Artifact, Manifest};
use imago_core::limits::Limits;
use imago_core::yaml::{Place, Severity, read, text};

/// Reading a pipeline ends with the pipeline, or with errors that point into the text.
#[allow(dead_code)]
pub fn pipeline(data: &[u8]) {
    let reading = read(data, &[], Limits::DEFAULT);
    let text = text(data);
    for finding in &reading.findings {
        let Place::Text { span, .. } = &finding.place else { panic!("no override was given: {finding}") };
        assert!(text.get(span.clone()).is_some(), "{span:?} is no part of the text: {finding}");
    }
    let Some((pipeline, _)) = reading.pipeline else {
        let error = reading.findings.iter().any(|finding| finding.severity == Severity::Error);
        assert!(error, "neither a pipeline nor an error");
        return;
    };
    let yaml = pipeline.to_yaml().expect("a pipeline that was read can be written");
    // Written out it is longer; run folders are read with the same limits.
    let again = read(yaml.as_bytes(), &[], Limits::LARGE);
    let Some((same, _)) = again.pipeline else { panic!("{:#?}\n{yaml}", again.findings) };
    assert_eq!(same, pipeline, "{yaml}");
}

/// Reading a manifest ends with an error, or with one that reads back the same once it is written.
#[allow(dead_code)]
pub fn manifest(text: &str) {
    if let Ok(manifest) = Manifest::read(text) {
        let artifact = Artifact { manifest, weights: Vec::new() };
        let written = artifact.manifest_text().expect("a manifest that was read can be written");
        assert_eq!(Manifest::read(&written).expect("what was written can be read"), artifact.manifest, "{written}");
    }
}
