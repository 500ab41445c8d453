//! Garments, shoes and bags in the manner of Fashion-MNIST: shaded cut-outs, one to a picture, drawn
//! large and centred.

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

/// What each class draws, in the order of Fashion-MNIST's labels.
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

/// Draws one piece of the class with this label.
pub(super) fn draw(label: u8, noise: &mut Noise) -> Canvas {
    let piece = CLASSES[usize::from(label) % CLASSES.len()](noise);
    piece.picture(noise)
}
