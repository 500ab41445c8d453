//! Which name was meant.

/// Names, and what other frameworks call them, in lower case without `_` and `-`.
const ELSEWHERE: &[(&str, &str)] = &[
    ("linear", "dense fullyconnected"),
    ("conv2d", "conv convolution convolution2d"),
    ("conv_transpose2d", "conv2dtranspose convtranspose deconv deconv2d deconvolution"),
    ("batch_norm", "batchnormalization batchnorm1d batchnorm2d"),
    ("layer_norm", "layernormalization"),
    ("group_norm", "groupnormalization"),
    ("instance_norm", "instancenorm2d"),
    ("dropout", "dropout2d"),
    ("max_pool2d", "maxpool maxpooling maxpooling2d"),
    ("avg_pool2d", "avgpool averagepooling2d averagepool2d"),
    ("global_avg_pool", "globalaveragepooling2d globalavgpool2d adaptiveavgpool2d"),
    ("upsample", "upsampling2d resize"),
    ("reshape", "view unflatten"),
    ("silu", "swish"),
    ("sigmoid", "logistic"),
    ("units", "outfeatures"),
    ("filters", "outchannels channels"),
    ("kernel", "kernelsize poolsize"),
    ("stride", "strides"),
    ("bias", "usebias"),
    ("groups", "numgroups"),
    ("count", "numembeddings"),
    ("size", "embeddingdim"),
    ("factor", "upscalefactor"),
    ("scale", "scalefactor"),
    ("rate", "p"),
    ("negative_slope", "alpha"),
    ("epsilon", "eps"),
    ("lr", "learningrate"),
    ("beta_1", "beta1"),
    ("beta_2", "beta2"),
    ("batch", "batchsize"),
    ("epochs", "numepochs"),
    ("latent", "latentdim zdim nz"),
    ("set", "dataset"),
    ("discriminator", "critic"),
    ("bce", "crossentropy binarycrossentropy"),
    ("mse", "l2"),
    ("fashion-mnist", "fashion fashionmnist"),
    ("glorot", "xavier xavieruniform"),
    ("glorot-normal", "xaviernormal"),
    ("he", "kaiming kaiminguniform"),
    ("he-normal", "kaimingnormal"),
    ("least-squares", "lsgan"),
    ("wasserstein", "wgan"),
    ("non-saturating", "vanilla"),
];

/// The one of `names` that `word` most likely meant: equal up to case, `_` and `-`; the name in
/// another framework; or the one with the fewest edits, if those are few.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = plain(word);
    let elsewhere = |name: &&&str| {
        ELSEWHERE.iter().any(|(ours, others)| ours == *name && others.split(' ').any(|other| other == plain))
    };
    let same = names.iter().find(|name| self::plain(name) == plain).or_else(|| names.iter().find(elsewhere));
    let close = || {
        let counted = names.iter().map(|name| (edits(&plain, &self::plain(name)), name));
        counted.filter(|(edits, name)| *edits <= name.len().max(3) / 3).min().map(|(_, name)| name)
    };
    same.or_else(close).copied()
}

/// A name without case, `_` and `-`, cut to bound the time that a long one takes.
fn plain(name: &str) -> String {
    name.chars().take(64).filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// The Damerau–Levenshtein distance with adjacent swaps.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::LayerSpec;

    #[test]
    fn typing_errors_other_spellings_and_other_frameworks_are_understood() {
        for (word, meant) in [
            ("con2d", "conv2d"),
            ("Conv2D", "conv2d"),
            ("LeakyReLU", "leaky_relu"),
            ("leaky-relu", "leaky_relu"),
            ("Dense", "linear"),
            ("Conv2DTranspose", "conv_transpose2d"),
            ("BatchNorm2d", "batch_norm"),
            ("sigmiod", "sigmoid"),
        ] {
            assert_eq!(nearest(word, LayerSpec::NAMES), Some(meant), "{word}");
        }
        assert_eq!(nearest("mnits", &["mnist", "fashion-mnist"]), Some("mnist"));
        assert_eq!(nearest("attention", LayerSpec::NAMES), None);
        assert_eq!(nearest("lerning_rate", &["lr", "beta_1"]), None);
    }
}
