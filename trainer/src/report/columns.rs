//! Text in aligned columns.

/// A line for each row, with cells two spaces apart; `right` says which columns are aligned to the
/// right.
pub fn columns<Row: AsRef<[String]>>(rows: &[Row], right: impl Fn(usize) -> bool) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| Some(row.as_ref().get(column)?.chars().count())).max();
    let columns: Vec<(usize, bool)> = (0..).map_while(|column| Some((width(column)?, right(column)))).collect();
    let line = |row: &Row| {
        let cells = row.as_ref().iter().zip(&columns).map(|(cell, &(width, right))| match right {
            true => format!("{cell:>width$}"),
            false => format!("{cell:<width$}"),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
