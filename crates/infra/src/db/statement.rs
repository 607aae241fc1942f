//! Hand-written SQL as prepared statements.

/// Declares a hand-written SQL statement that Diesel prepares once per connection.
///
/// `diesel::sql_query` is parsed and planned at every call. A statement declared here has a static identity, so it is
/// prepared once; for that its text must have a constant shape (arrays and `= ANY(…)`, never a list of varying length).
/// The text is given in pieces: `[field: SqlType]` binds a field, `{CONSTANT}` inserts a constant piece of SQL.
macro_rules! statement {
    (
        $(#[$doc:meta])*
        $name:ident<$life:lifetime> { $($field:ident: $type:ty),* $(,)? } -> ($($column:ty),* $(,)?);
        $($piece:tt)+
    ) => {
        $(#[$doc])*
        struct $name<$life> { $($field: $type),* }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = ($($column,)*);
        }

        impl diesel::RunQueryDsl<diesel::PgConnection> for $name<'_> {}

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $($crate::db::statement!(@piece self out $piece);)+
                Ok(())
            }
        }
    };
    (@piece $self:ident $out:ident [$field:ident: $type:ty]) => {
        $out.push_bind_param::<$type, _>(&$self.$field)?
    };
    (@piece $self:ident $out:ident {$constant:path}) => {
        $out.push_sql($constant)
    };
    (@piece $self:ident $out:ident $text:literal) => {
        $out.push_sql($text)
    };
}
pub(crate) use statement;
