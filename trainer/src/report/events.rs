//! TensorBoard event files. The messages are those of util/event.proto and framework/summary.proto
//! in TensorFlow 2.9, without unused fields; lib/io/record_writer.h describes the framing.

use std::fs::{self, File};
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use image::ImageDecoder;
use image::codecs::png::PngDecoder;
use prost::{Message, Oneof};

pub struct Events {
    file: File,
}

impl Events {
    /// Starts a new event file in `folder`, creating the folder if needed. From existing files,
    /// TensorBoard then shows what comes before `first_step`. Its fast loader drops the rest of a
    /// tag only once that tag has a new value.
    pub fn open(folder: &Path, first_step: u64) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let file = create(folder).with_context(|| format!("cannot create an event file in {}", folder.display()))?;
        let mut events = Self { file };
        events.write(0, What::FileVersion("brain.Event:2".to_owned()))?;
        events.write(first_step, What::SessionLog(SessionLog { status: SessionStatus::Start.into() }))?;
        Ok(events)
    }

    /// Adds the metrics of an epoch, as in `metrics.jsonl`.
    pub fn scalars(&mut self, step: u64, line: &serde_json::Value) -> Result<()> {
        for (tag, value) in line.as_object().into_iter().flatten() {
            if let (true, Some(value)) = (tag.contains('/') || tag == "images_per_second", value.as_f64()) {
                self.scalar(tag, step, value)?;
            }
        }
        Ok(())
    }

    fn scalar(&mut self, tag: &str, step: u64, value: f64) -> Result<()> {
        self.summary(tag, step, Value::SimpleValue(value as f32))
    }

    pub fn image(&mut self, tag: &str, step: u64, png: &[u8]) -> Result<()> {
        let (width, height, colour) = {
            let decoder = PngDecoder::new(Cursor::new(png)).context("no PNG")?;
            let (width, height) = decoder.dimensions();
            (width, height, decoder.color_type().has_color())
        };
        let image = Image {
            height: height.try_into()?,
            width: width.try_into()?,
            colorspace: if colour { 3 } else { 1 },
            encoded_image_string: png.to_vec(),
        };
        self.summary(tag, step, Value::Image(image))
    }

    fn summary(&mut self, tag: &str, step: u64, value: Value) -> Result<()> {
        let value = SummaryValue { tag: tag.to_owned(), value: Some(value) };
        self.write(step, What::Summary(Summary { value: vec![value] }))
    }

    /// Writes a record in one piece: a killed process leaves all of it or nothing.
    fn write(&mut self, step: u64, what: What) -> Result<()> {
        let wall_time = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let event = Event { wall_time, step: step.try_into()?, what: Some(what) };
        self.file.write_all(&record(&event.encode_to_vec())).context("cannot write to the event file")
    }
}

/// Creates an event file whose name sorts after the others in `folder`, as TensorBoard reads them.
fn create(folder: &Path) -> Result<File> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for seconds in now.. {
        let path = folder.join(format!("events.out.tfevents.{seconds:010}.imago"));
        match File::create_new(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            file => return Ok(file?),
        }
    }
    anyhow::bail!("all names are taken")
}

/// A record: the length of `data`, its checksum, `data`, its checksum; numbers are little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    // No machine has more memory than 64 bits can address.
    let length = (data.len() as u64).to_le_bytes();
    [&length, masked_crc(&length).to_le_bytes().as_slice(), data, &masked_crc(data).to_le_bytes()].concat()
}

/// A masked CRC32C, as the checksum of data with embedded checksums is weak.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(enumeration = "SessionStatus", tag = "1")]
    status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
enum SessionStatus {
    Unspecified = 0,
    Start = 1,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
struct SummaryValue {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(oneof = "Value", tags = "2, 4")]
    value: Option<Value>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Value {
    #[prost(float, tag = "2")]
    SimpleValue(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// 1 for grey, 3 for red, green and blue.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::png_grid;

    /// The events of all files in `folder`, file by file.
    fn read(folder: &Path) -> Vec<Vec<Event>> {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths.iter().map(|path| events(&fs::read(path).unwrap())).collect()
    }

    fn events(mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_first_chunk().unwrap();
            let (crc, rest) = rest.split_first_chunk().unwrap();
            assert_eq!(u32::from_le_bytes(*crc), masked_crc(length));
            let (data, rest) = rest.split_at(u64::from_le_bytes(*length).try_into().unwrap());
            let (crc, rest) = rest.split_first_chunk().unwrap();
            assert_eq!(u32::from_le_bytes(*crc), masked_crc(data));
            events.push(Event::decode(data).unwrap());
            bytes = rest;
        }
        events
    }

    #[test]
    fn what_is_written_is_read_again_as_soon_as_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::open(folder.path(), 7).unwrap();
        events.scalar("loss/train", 8, 0.5).unwrap();
        let [grey, colour] =
            [1, 3].map(|channels| png_grid(&[0.5; 12][..channels * 4], [channels, 2, 2], 1, 1).unwrap());
        events.image("samples", 9, &grey).unwrap();
        events.image("samples", 10, &colour).unwrap();

        let [events] = read(folder.path()).try_into().unwrap();
        // A gap of 2 pixels surrounds an image.
        let image =
            |colorspace, png: &[u8]| Image { height: 6, width: 6, colorspace, encoded_image_string: png.to_vec() };
        let summary = |tag: &str, value| {
            What::Summary(Summary { value: vec![SummaryValue { tag: tag.to_owned(), value: Some(value) }] })
        };
        let wanted = [
            (0, What::FileVersion("brain.Event:2".to_owned())),
            (7, What::SessionLog(SessionLog { status: 1 })),
            (8, summary("loss/train", Value::SimpleValue(0.5))),
            (9, summary("samples", Value::Image(image(1, &grey)))),
            (10, summary("samples", Value::Image(image(3, &colour)))),
        ];
        assert_eq!(events.iter().map(|event| (event.step, event.what.clone().unwrap())).collect::<Vec<_>>(), wanted);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
        assert!(events.iter().all(|event| (now - 60.0..=now).contains(&event.wall_time)));
    }

    #[test]
    fn a_run_that_goes_on_adds_a_file_behind_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("new");
        for step in [0, 5, 3] {
            Events::open(&inner, step).unwrap();
        }
        assert_eq!(read(&inner).iter().map(|events| events[1].step).collect::<Vec<_>>(), [0, 5, 3]);
    }

    #[test]
    fn a_record_has_the_bytes_that_tensorflow_writes() {
        // b = io.BytesIO();
        // tensorboard.summary.writer.record_writer.RecordWriter(b).write(b"brain.Event:2")
        let bytes = b"\x0d\x00\x00\x00\x00\x00\x00\x00<7\xb84brain.Event:2\xee\x01\x06|";
        assert_eq!(record(b"brain.Event:2"), bytes);
    }

    #[test]
    fn what_cannot_be_written_is_an_error_and_leaves_no_record() {
        let folder = tempfile::tempdir().unwrap();
        let mut events = Events::open(folder.path(), 0).unwrap();
        assert!(events.scalar("loss", u64::MAX, 0.0).is_err());
        assert!(events.image("samples", 0, b"a PNG").is_err());
        assert_eq!(read(folder.path())[0].len(), 2);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(Events::open(&file, 0).is_err());
    }
}
