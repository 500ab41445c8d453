//! Which name was meant.

/// Names in other frameworks, in lower case without `_` and `-`, and those of the language.
const ELSEWHERE: &[(&str, &str)] = &[
    ("dense", "linear"),
    ("fullyconnected", "linear"),
    ("conv", "conv2d"),
    ("convolution", "conv2d"),
    ("convolution2d", "conv2d"),
    ("conv2dtranspose", "conv_transpose2d"),
    ("convtranspose", "conv_transpose2d"),
    ("deconv", "conv_transpose2d"),
    ("deconv2d", "conv_transpose2d"),
    ("deconvolution", "conv_transpose2d"),
    ("batchnormalization", "batch_norm"),
    ("batchnorm1d", "batch_norm"),
    ("batchnorm2d", "batch_norm"),
    ("layernormalization", "layer_norm"),
    ("groupnormalization", "group_norm"),
    ("instancenorm2d", "instance_norm"),
    ("dropout2d", "dropout"),
    ("maxpool", "max_pool2d"),
    ("maxpooling", "max_pool2d"),
    ("maxpooling2d", "max_pool2d"),
    ("avgpool", "avg_pool2d"),
    ("averagepooling2d", "avg_pool2d"),
    ("averagepool2d", "avg_pool2d"),
    ("globalaveragepooling2d", "global_avg_pool"),
    ("globalavgpool2d", "global_avg_pool"),
    ("adaptiveavgpool2d", "global_avg_pool"),
    ("upsampling2d", "upsample"),
    ("resize", "upsample"),
    ("view", "reshape"),
    ("unflatten", "reshape"),
    ("swish", "silu"),
    ("logistic", "sigmoid"),
    ("outfeatures", "units"),
    ("outchannels", "filters"),
    ("channels", "filters"),
    ("kernelsize", "kernel"),
    ("poolsize", "kernel"),
    ("strides", "stride"),
    ("usebias", "bias"),
    ("numgroups", "groups"),
    ("numembeddings", "count"),
    ("embeddingdim", "size"),
    ("upscalefactor", "factor"),
    ("scalefactor", "scale"),
    ("p", "rate"),
    ("alpha", "negative_slope"),
    ("eps", "epsilon"),
    ("learningrate", "lr"),
    ("beta1", "beta_1"),
    ("beta2", "beta_2"),
    ("batchsize", "batch"),
    ("numepochs", "epochs"),
    ("latentdim", "latent"),
    ("zdim", "latent"),
    ("nz", "latent"),
    ("dataset", "set"),
    ("critic", "discriminator"),
    ("crossentropy", "bce"),
    ("binarycrossentropy", "bce"),
    ("l2", "mse"),
    ("fashion", "fashion-mnist"),
    ("fashionmnist", "fashion-mnist"),
    ("xavier", "glorot"),
    ("xavieruniform", "glorot"),
    ("xaviernormal", "glorot-normal"),
    ("kaiming", "he"),
    ("kaiminguniform", "he"),
    ("kaimingnormal", "he-normal"),
    ("lsgan", "least-squares"),
    ("wgan", "wasserstein"),
    ("vanilla", "non-saturating"),
];

/// The one of `names` that `word` most likely meant: equal up to case, `_` and `-`; the name in
/// another framework; or the one with the fewest edits, if those are few.
pub fn nearest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let plain = plain(word);
    let elsewhere = |name: &&&str| ELSEWHERE.contains(&(plain.as_str(), **name));
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
