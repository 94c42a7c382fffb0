//! Cleaned rows as Parquet: typed columns, zstd, statistics.

use std::io::Write;
use std::mem::take;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::error::Error;
use crate::sink::{Cleaned, Part, Sink};

/// Rows in a row group, or bytes of its texts: what is held in memory until it is written.
const GROUP_ROWS: usize = 48 << 10;
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
    group: Group,
    lineage: bool,
}

impl<W: Write + Send> ParquetSink<W> {
    /// `name` is what an error calls the target; `lineage` adds the column `repairs`.
    pub fn new(name: impl Into<String>, target: W, lineage: bool) -> Result<Self, Error> {
        let name = name.into();
        let repairs = if lineage { "optional binary repairs (STRING);" } else { "" };
        let writer = parse_message_type(&format!("{SCHEMA}{repairs}}}"))
            .and_then(|schema| {
                // Statistics for each row group, not for each page: all of them stay in memory until the end.
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .set_statistics_enabled(EnabledStatistics::Chunk)
                    .set_offset_index_disabled(true);
                SerializedFileWriter::new(target, Arc::new(schema), Arc::new(properties.build()))
            })
            .map_err(|error| write_error(&name, error))?;
        Ok(ParquetSink { name, writer, group: Group::default(), lineage })
    }

    /// The target, once all is written.
    pub fn finish(mut self) -> Result<W, Error> {
        self.write_group()?;
        let ParquetSink { name, writer, .. } = self;
        writer.into_inner().map_err(|error| write_error(&name, error))
    }

    fn write_group(&mut self) -> Result<(), Error> {
        let group = take(&mut self.group);
        if group.rows == 0 {
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
        self.group.push(take(&mut part.0));
        if self.group.is_full() { self.write_group() } else { Ok(()) }
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
}

/// A column's texts, one after another: a text of its own for each value would take far more memory.
#[derive(Default)]
struct Texts {
    present: Vec<i16>,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) {
        self.present.push(i16::from(text.is_some()));
        if let Some(text) = text {
            self.bytes.extend_from_slice(text.as_bytes());
            self.ends.push(self.bytes.len());
        }
    }

    fn into_values(self) -> Values<ByteArray> {
        let bytes = Bytes::from(self.bytes);
        let mut start = 0;
        let text = |end| ByteArray::from(bytes.slice(std::mem::replace(&mut start, end)..end));
        Values { present: self.present, values: self.ends.into_iter().map(text).collect() }
    }
}

#[derive(Default)]
struct Columns {
    ids: [Texts; 4],
    price: Values<i64>,
    quantity: Values<i32>,
    total: Values<i64>,
    places: [Texts; 2],
    date: Values<i32>,
    discount: Values<bool>,
    weekday: Texts,
    month: Values<i32>,
    repairs: Texts,
}

impl Columns {
    fn rows(&self) -> usize {
        self.price.present.len()
    }

    fn text_bytes(&self) -> usize {
        self.ids.iter().chain(&self.places).map(|texts| texts.bytes.len()).sum()
    }
}

/// Parts that are written together.
#[derive(Default)]
struct Group {
    parts: Vec<Columns>,
    rows: usize,
    text_bytes: usize,
}

impl Group {
    fn push(&mut self, part: Columns) {
        self.rows += part.rows();
        self.text_bytes += part.text_bytes();
        self.parts.push(part);
    }

    fn is_full(&self) -> bool {
        self.rows >= GROUP_ROWS || self.text_bytes >= GROUP_TEXT_BYTES
    }

    fn write<W: Write + Send>(
        mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
        lineage: bool,
    ) -> Result<(), ParquetError> {
        let parts = &mut self.parts;
        for place in 0..4 {
            write_texts(group, parts, |part| &mut part.ids[place])?;
        }
        write_column::<Int64Type, W>(group, parts, |part| take(&mut part.price))?;
        write_column::<Int32Type, W>(group, parts, |part| take(&mut part.quantity))?;
        write_column::<Int64Type, W>(group, parts, |part| take(&mut part.total))?;
        for place in 0..2 {
            write_texts(group, parts, |part| &mut part.places[place])?;
        }
        write_column::<Int32Type, W>(group, parts, |part| take(&mut part.date))?;
        write_column::<BoolType, W>(group, parts, |part| take(&mut part.discount))?;
        write_texts(group, parts, |part| &mut part.weekday)?;
        write_column::<Int32Type, W>(group, parts, |part| take(&mut part.month))?;
        if lineage {
            write_texts(group, parts, |part| &mut part.repairs)?;
        }
        Ok(())
    }
}

fn write_texts<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    parts: &mut [Columns],
    column: impl Fn(&mut Columns) -> &mut Texts,
) -> Result<(), ParquetError> {
    write_column::<ByteArrayType, W>(group, parts, |part| take(column(part)).into_values())
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    parts: &mut [Columns],
    column: impl Fn(&mut Columns) -> Values<T::T>,
) -> Result<(), ParquetError> {
    let Some(mut writer) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the rows".to_owned()));
    };
    for part in parts {
        let Values { present, values } = column(part);
        writer.typed::<T>().write_batch(&values, Some(&present), None)?;
    }
    writer.close()
}

impl Part for ParquetPart {
    fn kept(&mut self, cleaned: &Cleaned<'_>) {
        let (row, columns) = (&cleaned.row, &mut self.0);
        let ids = [row.transaction_id, row.customer_id, row.category, row.item];
        for (texts, text) in columns.ids.iter_mut().zip(ids) {
            texts.push(text);
        }
        columns.price.push(row.price_per_unit.map(common::Money::minor));
        columns.quantity.push(row.quantity.map(crate::value::Quantity::get));
        columns.total.push(row.total_spent.map(common::Money::minor));
        for (texts, text) in columns.places.iter_mut().zip([row.payment_method, row.location]) {
            texts.push(text);
        }
        let date = row.transaction_date;
        columns.date.push(date.map(crate::value::Date::days_since_epoch));
        columns.discount.push(row.discount_applied);
        columns.weekday.push(date.map(crate::value::Date::weekday));
        columns.month.push(date.map(|date| i32::from(date.month())));
        let repairs: Vec<_> = cleaned.applied.columns().iter().map(crate::columns::Column::name).collect();
        columns.repairs.push((!repairs.is_empty()).then(|| repairs.join(";")).as_deref());
    }
}
