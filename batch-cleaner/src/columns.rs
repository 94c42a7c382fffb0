//! The eleven columns of the data set, and sets of them.

/// A column that every input must have, in the data set's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// Text; the key of the published rows.
    TransactionId,
    /// Text.
    CustomerId,
    /// Text; a row without it is rejected.
    Category,
    /// Text; restored from category and price.
    Item,
    /// Money; a row without it is rejected.
    PricePerUnit,
    /// Whole number; a row without it is rejected.
    Quantity,
    /// Money; a row without it is rejected.
    TotalSpent,
    /// Text.
    PaymentMethod,
    /// Text.
    Location,
    /// Date.
    TransactionDate,
    /// Boolean.
    DiscountApplied,
}

impl Column {
    /// All of them, in order.
    pub const ALL: [Column; 11] = [
        Column::TransactionId,
        Column::CustomerId,
        Column::Category,
        Column::Item,
        Column::PricePerUnit,
        Column::Quantity,
        Column::TotalSpent,
        Column::PaymentMethod,
        Column::Location,
        Column::TransactionDate,
        Column::DiscountApplied,
    ];
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in `snake_case`, as everything that is written spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Column::TransactionId => "transaction_id",
            Column::CustomerId => "customer_id",
            Column::Category => "category",
            Column::Item => "item",
            Column::PricePerUnit => "price_per_unit",
            Column::Quantity => "quantity",
            Column::TotalSpent => "total_spent",
            Column::PaymentMethod => "payment_method",
            Column::Location => "location",
            Column::TransactionDate => "transaction_date",
            Column::DiscountApplied => "discount_applied",
        }
    }

    /// The type's name, for the schema that is shown.
    pub const fn type_name(self) -> &'static str {
        match self {
            Column::PricePerUnit | Column::TotalSpent => "decimal(18,2)",
            Column::Quantity => "int32",
            Column::TransactionDate => "date",
            Column::DiscountApplied => "boolean",
            _ => "text",
        }
    }

    /// The place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// A set of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Columns(u16);

impl Columns {
    /// No column.
    pub const NONE: Columns = Columns(0);
    /// A row that lacks one of these is rejected.
    pub const REQUIRED: Columns =
        Columns::NONE.with(Column::Category).with(Column::PricePerUnit).with(Column::Quantity).with(Column::TotalSpent);
    /// How many sets there are.
    pub(crate) const SETS: usize = 1 << Column::COUNT;

    /// The set with one more column.
    #[must_use]
    pub const fn with(self, column: Column) -> Columns {
        Columns(self.0 | 1 << column.index())
    }

    /// Adds a column.
    pub fn insert(&mut self, column: Column) {
        *self = self.with(column);
    }

    /// Whether the column is in the set.
    pub const fn contains(self, column: Column) -> bool {
        self.0 & 1 << column.index() != 0
    }

    /// What both sets have.
    #[must_use]
    pub const fn and(self, other: Columns) -> Columns {
        Columns(self.0 & other.0)
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The columns in order.
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(move |column| self.contains(*column))
    }

    /// The set's number, below [`Self::SETS`].
    pub(crate) const fn number(self) -> usize {
        self.0 as usize
    }

    /// The set with that number, if there is one.
    pub(crate) fn from_number(number: usize) -> Columns {
        Column::ALL.into_iter().filter(|column| number & 1 << column.index() != 0).fold(Columns::NONE, Columns::with)
    }
}
