//! Events from Arrow tables: what pandas, Polars, `PyArrow` and `DuckDB` hand over, batch by batch.
//!
//! A row is an event, a column one of its fields. A row becomes a [`Document`] at once: nothing is
//! written as text that is not needed as text. [`TableReader::new`] refuses a type that no event can
//! have; a single value that JSON lacks makes its row an [`EventError`] that names row and column,
//! and reading goes on behind it.
//!
//! The only files that know Arrow. Whether a batch comes from Python, they don't know.

mod column;
mod out;
mod scalar;
mod time;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::ArrayRef;
use arrow_array::RecordBatch;
use arrow_array::StructArray;
use arrow_array::new_empty_array;
use arrow_schema::ArrowError;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::FieldRef;
use arrow_schema::Schema;

use crate::events::EventError;
use crate::events::EventErrorKind;
use crate::events::Origin;
use crate::events::Settings;
use crate::events::arrow::column::Column;
use crate::events::arrow::column::Compiler;
use crate::events::arrow::out::Bad;
use crate::events::arrow::out::Out;
use crate::value::Buffers;
use crate::value::Document;

/// What gives the batches of a table: arrays of structs, one after the other.
pub type Batches = Box<dyn Iterator<Item = Result<ArrayRef, ArrowError>> + Send>;

/// The metadata by which pandas says that a table was a data frame.
const PANDAS: &str = "pandas";
/// What pandas calls an index that has no name.
const UNNAMED_INDEX: &str = "__index_level_";

/// A table that is read batch by batch; none is asked for before the one before it was taken.
pub struct TableReader {
    batches: Batches,
    shape: Arc<Shape>,
    rows: u64,
    ended: bool,
}

/// What is the same for all batches.
#[derive(Debug)]
struct Shape {
    field: FieldRef,
    /// Columns that are no fields of the event.
    left_out: Vec<bool>,
    max_event_bytes: usize,
}

impl TableReader {
    /// A table of this type, whose columns are checked.
    ///
    /// # Errors
    /// When it is no table, two columns have one name, or a column has a type that JSON can't have.
    pub fn new(field: FieldRef, batches: Batches, settings: &Settings) -> Result<Self, EventError> {
        let DataType::Struct(columns) = field.data_type() else {
            let message = format!("expected a table, found one column of {}", field.data_type());
            return Err(EventError::new(EventErrorKind::Unsupported, message)
                .with_hint("a data frame has named columns: put the column into one"));
        };
        let from_pandas = field.metadata().contains_key(PANDAS);
        let is_index = |column: &FieldRef| column.name().starts_with(UNNAMED_INDEX);
        let left_out = columns.iter().map(|column| from_pandas && is_index(column)).collect();
        let max_event_bytes = settings.max_event_bytes;
        let shape = Arc::new(Shape { field, left_out, max_event_bytes });
        let reader = Self { batches, shape, rows: 0, ended: false };
        let empty = Batch {
            array: new_empty_array(reader.shape.field.data_type()),
            first_row: 0,
            shape: Arc::clone(&reader.shape),
        };
        empty.rows()?;
        Ok(reader)
    }

    /// A table in memory.
    ///
    /// # Errors
    /// As [`TableReader::new`].
    pub fn of_batches(batches: Vec<RecordBatch>, settings: &Settings) -> Result<Self, EventError> {
        let empty = || Arc::new(Schema::empty());
        let schema = batches.first().map_or_else(empty, RecordBatch::schema);
        let field = Field::new_struct("", schema.fields().clone(), false)
            .with_metadata(schema.metadata().clone());
        let arrays = batches.into_iter().map(|batch| Ok(Arc::new(StructArray::from(batch)) as _));
        Self::new(Arc::new(field), Box::new(arrays), settings)
    }

    /// The next batch. After an error there is none.
    pub fn next_batch(&mut self) -> Option<Result<Batch, EventError>> {
        if self.ended {
            return None;
        }
        // The interface panics where a source fails without a word.
        let next = catch_unwind(AssertUnwindSafe(|| self.batches.next()));
        let silent = || Some(Err(ArrowError::CDataInterface("no reason was given".to_owned())));
        let batch = match next.unwrap_or_else(|_| silent()) {
            None => None,
            Some(Ok(array)) if array.data_type() == self.shape.field.data_type() => {
                let first_row = self.rows;
                self.rows += array.len() as u64;
                Some(Ok(Batch { array, first_row, shape: Arc::clone(&self.shape) }))
            }
            Some(Ok(array)) => Some(Err(self.broken(&format!(
                "expected a batch of {}, found one of {}",
                self.shape.field.data_type(),
                array.data_type()
            )))),
            Some(Err(error)) => Some(Err(self.broken(&reason_of(&error)))),
        };
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }

    fn broken(&self, reason: &str) -> EventError {
        let rows = self.rows;
        let message = format!("the table can't be read behind its first {rows} rows: {reason}");
        EventError::new(EventErrorKind::Unreadable, message)
    }
}

impl fmt::Debug for TableReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shape, rows, ended, batches: _ } = self;
        let mut debug = f.debug_struct("TableReader");
        debug.field("shape", shape).field("rows", rows).field("ended", ended).finish()
    }
}

/// What a source of batches says, without the name of the interface it came through.
fn reason_of(error: &ArrowError) -> String {
    match error {
        ArrowError::CDataInterface(message) => message.trim().to_owned(),
        other => other.to_string(),
    }
}

/// Some rows of a table.
#[derive(Clone, Debug)]
pub struct Batch {
    array: ArrayRef,
    first_row: u64,
    shape: Arc<Shape>,
}

impl Batch {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.array.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.array.is_empty()
    }

    /// The rows, ready to be read.
    ///
    /// # Errors
    /// When a column has a type that JSON can't have. [`TableReader::new`] has found that out.
    pub fn rows(&self) -> Result<Rows<'_>, EventError> {
        let mut compiler = Compiler::default();
        let columns = match self.array.as_any().downcast_ref::<StructArray>() {
            Some(table) => compiler.fields(table, Some(&self.shape.left_out)),
            None => Ok(Vec::new()),
        };
        let columns = columns.map_err(|unfit| {
            let path = unfit.path;
            let message = format!("column `{path}`: {}", unfit.message);
            let error = EventError::new(EventErrorKind::Unsupported, message);
            match unfit.hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        })?;
        let names = compiler.into_names();
        Ok(Rows { batch: self, columns, names })
    }
}

/// The rows of a [`Batch`], each of which becomes an event when it is asked for.
#[derive(Debug)]
pub struct Rows<'b> {
    batch: &'b Batch,
    columns: Vec<(std::ops::Range<usize>, Column<'b>)>,
    /// The names of all columns and of the fields in them, which every event borrows.
    names: String,
}

impl Rows<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// The event of a row, counted from 0 in this batch, in memory that was used before.
    ///
    /// # Errors
    /// When a value is nothing that JSON has, or the event is too long; gives the memory back.
    pub fn event(
        &self,
        row: usize,
        buffers: Buffers,
    ) -> Result<Document<'_>, (EventError, Buffers)> {
        let mut out = Out::new(&self.names, buffers, self.batch.shape.max_event_bytes);
        let written = if self.batch.array.is_null(row) {
            let message = "expected an object, found null".to_owned();
            Err(Bad::new(EventErrorKind::NotAnObject, message))
        } else {
            column::write_fields(&self.columns, row, &mut out)
        };
        match written {
            Ok(()) => Ok(out.finish()),
            Err(bad) => Err((self.error(row, bad), out.into_buffers())),
        }
    }

    fn error(&self, row: usize, bad: Bad) -> EventError {
        let row = self.batch.first_row + row as u64;
        let origin = Origin { file: format!("row {row}"), member: None };
        let error = EventError::new(bad.kind, bad.message()).within(&Arc::new(origin));
        match bad.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}
