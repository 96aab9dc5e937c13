mod enumerate;
mod simulate;
mod small;
