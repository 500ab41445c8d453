//! Image folders as data sets, and the `imago data` commands.

use image::{Rgb, RgbImage};
use imago_core::spec::Set;
use imago_tests::Workshop;

const PHOTOS: &str = "
name: photos
data: { set: { folder: photos }, size: 12, channels: 3, classes: [red, blue] }
model:
  family: vae
  latent: 2
  condition: class
  encoder: [{ conv2d: { filters: 4, kernel: 3, stride: 2, padding: same } }, relu, flatten]
  decoder: [{ linear: 108 }, relu, { reshape: [3, 6, 6] }, { conv_transpose2d: { filters: 3, kernel: 4, stride: 2, padding: same } }]
train: { epochs: 2, batch: 8 }
";

/// A workshop with 20 images of each of two colours, in varying sizes.
fn photos() -> Workshop {
    let shop = Workshop::new();
    for (class, colour) in [("red", [220, 30, 20]), ("blue", [10, 40, 230])] {
        std::fs::create_dir_all(shop.path("photos").join(class)).unwrap();
        for index in 0..20_u8 {
            let image = RgbImage::from_fn(16 + u32::from(index), 20, |x, y| {
                Rgb(colour.map(|value| if (x + y) % 7 == 0 { index } else { value }))
            });
            image.save(shop.path(&format!("photos/{class}/{index}.png"))).unwrap();
        }
    }
    shop.write("photos.yaml", PHOTOS);
    shop
}

#[test]
fn a_model_of_colour_images_in_a_folder_is_trained_sampled_and_exported() {
    let shop = photos();
    shop.imago("check photos.yaml --strict");
    let told = shop.said("train photos.yaml --device cpu --run run");
    assert!(told.contains("data    photos, 36 images"), "{told}");
    shop.imago("export run --to artifact");
    let manifest = shop.read_text("artifact/model.ron");
    assert!(manifest.contains("image: (3, 12, 12)") && manifest.contains(r#"classes: ["red", "blue"]"#), "{manifest}");
    shop.imago("sample artifact --class 1 --count 4 --out blue.png --seed 1");
    let picture = image::load_from_memory(&shop.read("blue.png")).unwrap();
    assert!(picture.color().has_color());
    // The content decides the format, not the name.
    let image = image::open(shop.path("photos/red/0.png")).unwrap();
    image.save_with_format(shop.path("photos/red/0.png"), image::ImageFormat::Jpeg).unwrap();
    shop.refuses("train --resume run --device cpu --set train.epochs=3", &["training images of run have changed"]);
    shop.imago("train --resume run --device cpu --set train.epochs=3 --accept-changes");
    shop.imago("train --resume run --device cpu --set train.epochs=4");
}

#[test]
fn a_file_that_is_no_image_is_named_and_left_away_only_when_asked() {
    let shop = photos();
    shop.write("photos/red/notes.txt", "no image");
    shop.refuses("train photos.yaml --device cpu --run run", &["photos/red/notes.txt", "--skip-unreadable"]);
    assert!(!shop.path("run").exists());
    let run = shop.imago("train photos.yaml --device cpu --run run --skip-unreadable");
    let warned = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(warned.contains("warning: skipped 1 unreadable file"), "{warned}");
    shop.imago("train photos.yaml --device cpu --run seeds --seeds 1,2 --skip-unreadable --set train.epochs=1");
}

#[test]
fn classes_have_to_be_those_of_the_folder() {
    let shop = photos();
    std::fs::rename(shop.path("photos/blue"), shop.path("photos/green")).unwrap();
    shop.refuses("train photos.yaml --device cpu --run run", &["without a folder: blue", "not named: green"]);
    assert!(!shop.path("run").exists());
    let set = r#"--set data.classes=["green","red"]"#;
    shop.imago(&format!("train photos.yaml --device cpu --run run {set}"));
}

#[test]
fn sets_can_be_looked_at() {
    let shop = photos();
    let list = shop.said("data list");
    assert!(Set::ALL.iter().all(|set| list.contains(set.name())), "{list}");
    let stats = shop.said("data stats synthetic-digits");
    assert!(stats.contains("training: 10000 grey images of 28 x 28 pixels") && stats.contains("10.0 %"), "{stats}");
    let stats = shop.said("data stats photos --size 32");
    assert!(stats.contains("training: 36 RGB images of 32 x 32 pixels"), "{stats}");
    // The suggested YAML can be read back.
    let data: String =
        stats.split_once("in a pipeline:\n").unwrap().1.lines().map(|line| format!("{}\n", &line[2..])).collect();
    let (_, rest) = PHOTOS.split_once("model:").unwrap();
    let rest = rest.replace("linear: 108", "linear: 768").replace("[3, 6, 6]", "[3, 16, 16]");
    shop.write("other.yaml", format!("name: other\n{data}model:{rest}"));
    shop.imago("check other.yaml --strict");
    assert!(shop.said("data verify photos").contains("photos: 36 training and 4 test images, all readable"));
    shop.imago("data preview photos --size 16 --out preview.png");
    let preview = image::load_from_memory(&shop.read("preview.png")).unwrap();
    // Two rows of ten images and a mean, with gaps, at twice the size.
    assert_eq!((preview.width(), preview.height()), (2 * (11 * 18 + 2), 2 * (2 * 18 + 2)));
    shop.refuses("data stats mnits", &["did you mean `mnist`?"]);
    let expected = ["the images of mnist are grey, found 3 channels", "the classes of mnist are fixed"];
    shop.refuses("check photos.yaml --set data.set=mnist", &expected);
}
