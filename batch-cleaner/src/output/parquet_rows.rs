//! Cleaned rows as Parquet: typed columns, zstd, statistics.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::error::Error;
use crate::sink::{Cleaned, Part, Sink};

/// Rows in a row group, or bytes of its texts: what is held in memory until it is written.
const GROUP_ROWS: usize = 64 << 10;
const GROUP_TEXT_BYTES: usize = 8 << 20;

const SCHEMA: &str = "
    message sales {
        optional binary transaction_id (STRING);
        optional binary customer_id (STRING);
        optional binary category (STRING);
        optional binary item (STRING);
        optional int64 price_per_unit (DECIMAL(18,2));
        optional int32 quantity;
        optional int64 total_spent (DECIMAL(18,2));
        optional binary payment_method (STRING);
        optional binary location (STRING);
        optional int32 transaction_date (DATE);
        optional boolean discount_applied;
        optional binary day_of_week (STRING);
        optional int32 transaction_month;
";

/// Writes cleaned rows as Parquet.
pub struct ParquetSink<W: Write + Send> {
    name: String,
    writer: SerializedFileWriter<W>,
    group: Columns,
    lineage: bool,
}

impl<W: Write + Send> ParquetSink<W> {
    /// `name` is what an error calls the target; `lineage` adds the column `repairs`.
    pub fn new(name: impl Into<String>, target: W, lineage: bool) -> Result<Self, Error> {
        let name = name.into();
        let repairs = if lineage { "optional binary repairs (STRING);" } else { "" };
        let writer = parse_message_type(&format!("{SCHEMA}{repairs}}}"))
            .and_then(|schema| {
                let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default()));
                SerializedFileWriter::new(target, Arc::new(schema), Arc::new(properties.build()))
            })
            .map_err(|error| write_error(&name, error))?;
        Ok(ParquetSink { name, writer, group: Columns::default(), lineage })
    }

    /// The target, once all is written.
    pub fn finish(mut self) -> Result<W, Error> {
        self.write_group()?;
        let ParquetSink { name, writer, .. } = self;
        writer.into_inner().map_err(|error| write_error(&name, error))
    }

    fn write_group(&mut self) -> Result<(), Error> {
        let group = std::mem::take(&mut self.group);
        if group.rows() == 0 {
            return Ok(());
        }
        let lineage = self.lineage;
        let written = self.writer.next_row_group().and_then(|mut writer| {
            group.write(&mut writer, lineage)?;
            writer.close().map(drop)
        });
        written.map_err(|error| write_error(&self.name, error))
    }
}

impl<W: Write + Send> Sink for ParquetSink<W> {
    type Part = ParquetPart;

    fn part(&self) -> ParquetPart {
        ParquetPart(Columns::default())
    }

    fn write(&mut self, part: &mut ParquetPart) -> Result<(), Error> {
        self.group.append(&mut part.0);
        let is_full = self.group.rows() >= GROUP_ROWS || self.group.text_bytes >= GROUP_TEXT_BYTES;
        if is_full { self.write_group() } else { Ok(()) }
    }
}

fn write_error(name: &str, error: ParquetError) -> Error {
    let source = match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(source) => *source,
            Err(error) => std::io::Error::other(error),
        },
        error => std::io::Error::other(error),
    };
    Error::Write { name: name.to_owned(), source }
}

/// The rows of one piece, by column.
pub struct ParquetPart(Columns);

/// A column's values, and for each row whether it has one.
struct Values<T> {
    present: Vec<i16>,
    values: Vec<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Values { present: Vec::new(), values: Vec::new() }
    }
}

impl<T> Values<T> {
    fn push(&mut self, value: Option<T>) {
        self.present.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn append(&mut self, other: &mut Values<T>) {
        self.present.append(&mut other.present);
        self.values.append(&mut other.values);
    }
}

#[derive(Default)]
struct Columns {
    ids: [Values<ByteArray>; 4],
    price: Values<i64>,
    quantity: Values<i32>,
    total: Values<i64>,
    places: [Values<ByteArray>; 2],
    date: Values<i32>,
    discount: Values<bool>,
    weekday: Values<ByteArray>,
    month: Values<i32>,
    repairs: Values<ByteArray>,
    text_bytes: usize,
}

impl Columns {
    fn rows(&self) -> usize {
        self.price.present.len()
    }

    fn append(&mut self, other: &mut Columns) {
        for (texts, more) in
            self.ids.iter_mut().zip(&mut other.ids).chain(self.places.iter_mut().zip(&mut other.places))
        {
            texts.append(more);
        }
        self.price.append(&mut other.price);
        self.quantity.append(&mut other.quantity);
        self.total.append(&mut other.total);
        self.date.append(&mut other.date);
        self.discount.append(&mut other.discount);
        self.weekday.append(&mut other.weekday);
        self.month.append(&mut other.month);
        self.repairs.append(&mut other.repairs);
        self.text_bytes += std::mem::take(&mut other.text_bytes);
    }

    fn write<W: Write + Send>(
        &self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        lineage: bool,
    ) -> Result<(), ParquetError> {
        for texts in &self.ids {
            write_column::<ByteArrayType, W>(group, texts)?;
        }
        write_column::<Int64Type, W>(group, &self.price)?;
        write_column::<Int32Type, W>(group, &self.quantity)?;
        write_column::<Int64Type, W>(group, &self.total)?;
        for texts in &self.places {
            write_column::<ByteArrayType, W>(group, texts)?;
        }
        write_column::<Int32Type, W>(group, &self.date)?;
        write_column::<BoolType, W>(group, &self.discount)?;
        write_column::<ByteArrayType, W>(group, &self.weekday)?;
        write_column::<Int32Type, W>(group, &self.month)?;
        if lineage {
            write_column::<ByteArrayType, W>(group, &self.repairs)?;
        }
        Ok(())
    }
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Values<T::T>,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the rows".to_owned()));
    };
    writer.typed::<T>().write_batch(&column.values, Some(&column.present), None)?;
    writer.close()
}

impl Part for ParquetPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let (row, columns) = (&cleaned.row, &mut self.0);
        let text = |text: Option<&str>| text.map(ByteArray::from);
        let ids = [row.transaction_id, row.customer_id, row.category, row.item];
        let places = [row.payment_method, row.location];
        columns.text_bytes += ids.iter().chain(&places).flatten().map(|text| text.len()).sum::<usize>();
        for (values, value) in columns.ids.iter_mut().zip(ids) {
            values.push(text(value));
        }
        columns.price.push(row.price_per_unit.map(common::Money::minor));
        columns.quantity.push(row.quantity.map(crate::value::Quantity::get));
        columns.total.push(row.total_spent.map(common::Money::minor));
        for (values, value) in columns.places.iter_mut().zip(places) {
            values.push(text(value));
        }
        let date = row.transaction_date;
        columns.date.push(date.map(crate::value::Date::days_since_epoch));
        columns.discount.push(row.discount_applied);
        columns.weekday.push(text(date.map(crate::value::Date::weekday)));
        columns.month.push(date.map(|date| i32::from(date.month())));
        let repairs: Vec<_> = cleaned.applied.columns().iter().map(crate::columns::Column::name).collect();
        columns.repairs.push((!repairs.is_empty()).then(|| ByteArray::from(repairs.join(";").as_str())));
    }
}
