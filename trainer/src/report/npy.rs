//! Arrays in NumPy's format.

/// A little-endian float32 array in NumPy's `.npy` format, version 1.0.
pub fn npy(values: &[f32], shape: &[usize]) -> Vec<u8> {
    let shape: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", shape.trim_end());
    // Magic, version and length take 10 bytes; the header ends with a newline at a multiple of 64.
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // The header of an array of a few dimensions is far shorter than 65,536 bytes.
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_numpy_writes() {
        let bytes = npy(&[1.0, 2.0], &[2]);
        assert_eq!(bytes.len(), 128 + 8);
        assert!(
            bytes.starts_with(b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }")
        );
        assert_eq!(bytes[127], b'\n');
        assert_eq!(bytes[128..132], 1f32.to_le_bytes());
    }
}
