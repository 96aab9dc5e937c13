//! JSON that is made of lists of values: what `JSON_ARRAYAGG` and `JSON_OBJECTAGG` have kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::Expr;

use super::json_made::{Nulls, quote};
use super::own::{Kernel, call};
use crate::expr::Bound;

/// A text of each list by its elements; a list that is NULL has none.
fn of_lists(
    name: &str,
    list: Bound,
    write: impl Fn(&mut String, &dyn Array) -> Result<()> + Send + Sync + 'static,
) -> Expr {
    let kernel: Kernel = Arc::new(move |arrays| {
        let lists = arrays[0].as_list::<i32>();
        let text = |row: usize| {
            let mut out = String::new();
            let elements = if lists.is_valid(row) {
                lists.value(row)
            } else {
                arrow::array::new_empty_array(&lists.value_type())
            };
            write(&mut out, elements.as_ref())?;
            Ok(Some(out))
        };
        Ok(Arc::new((0..lists.len()).map(text).collect::<Result<StringArray>>()?))
    });
    call(name, vec![list.data_type], DataType::Utf8, kernel, vec![list.expr])
}

/// An array of values that are JSON.
pub(crate) fn array(list: Bound, nulls: Nulls) -> Expr {
    of_lists(&format!("JSON_ARRAYAGG_{nulls:?}"), list, move |out, values| {
        out.push('[');
        for value in values.as_string::<i32>() {
            if value.is_none() && nulls == Nulls::LeftOut {
                continue;
            }
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(value.unwrap_or("null"));
        }
        out.push(']');
        Ok(())
    })
}

/// An object of pairs of a key and a value that is JSON, sorted by the keys.
pub(crate) fn object(list: Bound, nulls: Nulls) -> Expr {
    of_lists(&format!("JSON_OBJECTAGG_{nulls:?}"), list, move |out, pairs| {
        let pairs = pairs.as_struct();
        let (keys, values) = (pairs.column(0).as_string::<i32>(), pairs.column(1));
        let mut fields = BTreeMap::new();
        for (key, value) in keys.iter().zip(values.as_string::<i32>()) {
            let Some(key) = key else {
                return exec_err!("a key of JSON_OBJECTAGG is NULL");
            };
            if value.is_none() && nulls == Nulls::LeftOut {
                continue;
            }
            if fields.insert(key, value.unwrap_or("null")).is_some() {
                return exec_err!("the key '{key}' comes twice in JSON_OBJECTAGG");
            }
        }
        out.push('{');
        for (key, value) in fields {
            if out.len() > 1 {
                out.push(',');
            }
            quote(out, key);
            out.push(':');
            out.push_str(value);
        }
        out.push('}');
        Ok(())
    })
}
