//! Garments, shoes and bags in the manner of Fashion-MNIST: shaded cut-outs, centred.

mod bag;
mod cut;
mod cutout;
mod fabric;
mod footwear;
mod tops;
mod trouser;

use crate::noise::Noise;

use super::raster::Canvas;
use cutout::Cutout;

const CLASSES: [fn(&mut Noise) -> Cutout; 10] = [
    tops::t_shirt,
    trouser::trouser,
    tops::pullover,
    tops::dress,
    tops::coat,
    footwear::sandal,
    tops::shirt,
    footwear::sneaker,
    bag::bag,
    footwear::ankle_boot,
];

pub(super) fn draw(label: u8, noise: &mut Noise) -> Canvas {
    let piece = CLASSES[usize::from(label) % CLASSES.len()](noise);
    piece.draw(noise)
}
