//! What a column's type means in an event: chosen once a batch, so that a value is one call away.

use std::fmt;
use std::ops::Range;

use arrow_array::AnyDictionaryArray;
use arrow_array::Array;
use arrow_array::ArrowPrimitiveType;
use arrow_array::FixedSizeListArray;
use arrow_array::GenericListArray;
use arrow_array::GenericListViewArray;
use arrow_array::MapArray;
use arrow_array::OffsetSizeTrait;
use arrow_array::RunArray;
use arrow_array::StructArray;
use arrow_array::UnionArray;
use arrow_array::cast::AsArray as _;
use arrow_array::types::RunEndIndexType;
use arrow_schema::DataType;
use arrow_schema::Field;
use arrow_schema::FieldRef;

use crate::events::EventErrorKind;
use crate::events::arrow::out::Bad;
use crate::events::arrow::out::MAX_DEPTH;
use crate::events::arrow::out::Out;
use crate::events::arrow::scalar;
use crate::value::Buffers;
use crate::value::Document;
use crate::value::write_json;

/// Writes the value of a row that is not null.
pub(in crate::events::arrow) type Write<'b> =
    Box<dyn Fn(usize, &mut Out<'_>) -> Result<(), Bad> + 'b>;

/// One column of a batch, or the values inside one.
pub(in crate::events::arrow) struct Column<'b> {
    array: &'b dyn Array,
    has_nulls: bool,
    write: Write<'b>,
}

impl fmt::Debug for Column<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column({})", self.array.data_type())
    }
}

impl Column<'_> {
    /// Writes the value of a row.
    #[inline]
    pub(in crate::events::arrow) fn write(&self, row: usize, out: &mut Out<'_>) -> Result<(), Bad> {
        if self.has_nulls && self.array.nulls().is_some_and(|nulls| nulls.is_null(row)) {
            out.null();
            return Ok(());
        }
        (self.write)(row, out)
    }
}

/// Columns with the places of their names.
pub(in crate::events::arrow) type Fields<'b> = Vec<(Range<usize>, Column<'b>)>;

/// Writes keys and values of a row; the object is open.
pub(in crate::events::arrow) fn write_fields(
    fields: &[(Range<usize>, Column<'_>)],
    row: usize,
    out: &mut Out<'_>,
) -> Result<(), Bad> {
    for (name, column) in fields {
        out.key(name.clone())?;
        column.write(row, out).map_err(|bad| bad.within(out.name(name.clone())))?;
    }
    Ok(())
}

/// A type that no event can have.
#[derive(Debug)]
pub(in crate::events::arrow) struct Unfit {
    /// The column, and the field in it.
    pub(in crate::events::arrow) path: String,
    pub(in crate::events::arrow) message: String,
    pub(in crate::events::arrow) hint: Option<&'static str>,
}

/// Looks at types, and remembers names.
#[derive(Debug, Default)]
pub(in crate::events::arrow) struct Compiler {
    names: String,
    path: Vec<String>,
}

impl Compiler {
    /// All names, which [`Fields`] point into.
    pub(in crate::events::arrow) fn into_names(self) -> String {
        self.names
    }

    pub(in crate::events::arrow) fn unfit(
        &self,
        message: impl Into<String>,
        hint: Option<&'static str>,
    ) -> Unfit {
        Unfit { path: self.path.join("."), message: message.into(), hint }
    }

    /// The columns of a table, or the fields of a struct; `left_out` says which of them are none.
    pub(in crate::events::arrow) fn fields<'b>(
        &mut self,
        table: &'b StructArray,
        left_out: Option<&[bool]>,
    ) -> Result<Fields<'b>, Unfit> {
        let mut columns: Fields<'b> = Vec::new();
        for (index, (field, array)) in table.fields().iter().zip(table.columns()).enumerate() {
            if left_out.is_some_and(|left_out| left_out.get(index) == Some(&true)) {
                continue;
            }
            self.path.push(field.name().clone());
            if columns.iter().any(|(name, _)| self.names[name.clone()] == *field.name()) {
                return Err(self.unfit(
                    "expected one column of that name, found another",
                    Some("the columns are the fields of the event: rename one of them"),
                ));
            }
            let start = self.names.len();
            self.names.push_str(field.name());
            let name = start..self.names.len();
            columns.push((name, self.column(field, array)?));
            self.path.pop();
        }
        Ok(columns)
    }

    /// A column of this type.
    fn column<'b>(&mut self, field: &Field, array: &'b dyn Array) -> Result<Column<'b>, Unfit> {
        if self.path.len() >= MAX_DEPTH {
            let message = format!("expected at most {MAX_DEPTH} levels of types, found more");
            return Err(self.unfit(message, None));
        }
        let write = match array.data_type() {
            DataType::List(item) => self.list::<i32>(item, array.as_list())?,
            DataType::LargeList(item) => self.list::<i64>(item, array.as_list())?,
            DataType::ListView(item) => self.list_view::<i32>(item, array.as_list_view())?,
            DataType::LargeListView(item) => self.list_view::<i64>(item, array.as_list_view())?,
            DataType::FixedSizeList(item, _) => {
                self.fixed_list(item, array.as_fixed_size_list())?
            }
            DataType::Struct(_) => {
                let fields = self.fields(array.as_struct(), None)?;
                Box::new(move |row: usize, out: &mut Out<'_>| {
                    out.open_object();
                    write_fields(&fields, row, out)?;
                    out.close();
                    Ok(())
                })
            }
            DataType::Map(entries, _) => self.map(entries, array.as_map())?,
            DataType::Dictionary(_, _) => self.dictionary(field, array.as_any_dictionary())?,
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => self.runs::<arrow_array::types::Int16Type>(field, array)?,
                DataType::Int32 => self.runs::<arrow_array::types::Int32Type>(field, array)?,
                _ => self.runs::<arrow_array::types::Int64Type>(field, array)?,
            },
            DataType::Union(_, _) => self.union(array.as_union())?,
            _ => scalar::write(self, field, array)?,
        };
        Ok(Column { array, has_nulls: array.null_count() > 0, write })
    }

    /// The items of a list.
    fn items<'b>(&mut self, item: &Field, array: &'b dyn Array) -> Result<Column<'b>, Unfit> {
        self.path.push("[]".to_owned());
        let column = self.column(item, array)?;
        self.path.pop();
        Ok(column)
    }

    fn list<'b, O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        list: &'b GenericListArray<O>,
    ) -> Result<Write<'b>, Unfit> {
        let items = self.items(item, list.values())?;
        let offsets = list.value_offsets();
        Ok(Box::new(move |row, out| {
            write_list(&items, offsets[row].as_usize()..offsets[row + 1].as_usize(), out)
        }))
    }

    fn list_view<'b, O: OffsetSizeTrait>(
        &mut self,
        item: &FieldRef,
        list: &'b GenericListViewArray<O>,
    ) -> Result<Write<'b>, Unfit> {
        let items = self.items(item, list.values())?;
        Ok(Box::new(move |row, out| {
            let start = list.value_offset(row).as_usize();
            write_list(&items, start..start + list.value_size(row).as_usize(), out)
        }))
    }

    fn fixed_list<'b>(
        &mut self,
        item: &FieldRef,
        list: &'b FixedSizeListArray,
    ) -> Result<Write<'b>, Unfit> {
        let items = self.items(item, list.values())?;
        let length = list.value_length() as usize;
        Ok(Box::new(move |row, out| {
            let start = list.value_offset(row) as usize;
            write_list(&items, start..start + length, out)
        }))
    }

    fn map<'b>(&mut self, entries: &Field, map: &'b MapArray) -> Result<Write<'b>, Unfit> {
        let DataType::Struct(fields) = entries.data_type() else {
            return Err(self.unfit("expected a map of keys and values", None));
        };
        let [key, value] = fields.as_ref() else {
            return Err(self.unfit("expected a map of keys and values", None));
        };
        if key.data_type().is_nested() && !matches!(key.data_type(), DataType::Dictionary(_, _)) {
            let message =
                format!("expected a map whose keys are texts, found keys of {}", key.data_type());
            return Err(self.unfit(message, Some("the keys of an object in JSON are texts")));
        }
        self.path.push("keys".to_owned());
        let keys = self.column(key, map.keys())?;
        self.path.pop();
        let values = self.items(value, map.values())?;
        let offsets = map.value_offsets();
        Ok(Box::new(move |row, out| {
            let entries = offsets[row] as usize..offsets[row + 1] as usize;
            out.open_object();
            let mut seen = std::collections::HashSet::with_capacity(entries.len());
            for entry in entries {
                let key = key_text(&keys, entry)?;
                out.own_key(&key)?;
                values.write(entry, out).map_err(|bad| bad.within(key.clone()))?;
                if let Some(key) = seen.replace(key) {
                    let message = format!("expected keys that differ, found `{key}` twice");
                    return Err(Bad::new(EventErrorKind::NotJson, message));
                }
            }
            out.close();
            Ok(())
        }))
    }

    fn dictionary<'b>(
        &mut self,
        field: &Field,
        dictionary: &'b dyn AnyDictionaryArray,
    ) -> Result<Write<'b>, Unfit> {
        let values = self.column(field, dictionary.values())?;
        if dictionary.values().is_empty() {
            return Ok(Box::new(|_, out| {
                out.null();
                Ok(())
            }));
        }
        let keys = dictionary.normalized_keys();
        Ok(Box::new(move |row, out| values.write(keys[row], out)))
    }

    fn runs<'b, R: RunEndIndexType>(
        &mut self,
        field: &Field,
        array: &'b dyn Array,
    ) -> Result<Write<'b>, Unfit> {
        let Some(runs) = array.as_any().downcast_ref::<RunArray<R>>() else {
            return Err(self.unfit("expected runs of values", None));
        };
        let values = self.column(field, runs.values())?;
        Ok(Box::new(move |row, out| values.write(runs.get_physical_index(row), out)))
    }

    fn union<'b>(&mut self, union: &'b UnionArray) -> Result<Write<'b>, Unfit> {
        let mut children = Vec::new();
        for (id, field) in union.fields().iter() {
            children.push((id, self.column(field, union.child(id))?));
        }
        Ok(Box::new(move |row, out| {
            let id = union.type_id(row);
            match children.iter().find(|(child, _)| *child == id) {
                Some((_, child)) => child.write(union.value_offset(row), out),
                None => {
                    let message = format!("expected a type of the union, found number {id}");
                    Err(Bad::new(EventErrorKind::NotJson, message))
                }
            }
        }))
    }
}

fn write_list(items: &Column<'_>, range: Range<usize>, out: &mut Out<'_>) -> Result<(), Bad> {
    out.open_list(range.len())?;
    let start = range.start;
    for at in range {
        items.write(at, out).map_err(|bad| bad.within(format!("[{}]", at - start)))?;
    }
    out.close();
    Ok(())
}

/// The key of an entry as text.
fn key_text(keys: &Column<'_>, entry: usize) -> Result<String, Bad> {
    // A key is read like any other value: as the only item of a list.
    let mut out = Out::new("", Buffers::default(), usize::MAX);
    out.own_key("")?;
    keys.write(entry, &mut out)?;
    let document: Document<'_> = out.finish();
    let value = document.root().as_object().and_then(|object| object.get(""));
    Ok(match value {
        Some(value) => value.as_text().map_or_else(
            || {
                let mut text = String::new();
                write_json(value, &mut text);
                text
            },
            str::to_owned,
        ),
        None => String::new(),
    })
}

/// What closes over a primitive array.
pub(in crate::events::arrow) fn primitive<'b, T: ArrowPrimitiveType>(
    array: &'b dyn Array,
    write: impl Fn(T::Native, &mut Out<'_>) -> Result<(), Bad> + 'b,
) -> Write<'b> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| write(array.value(row), out))
}
