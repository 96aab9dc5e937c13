mod enumerate;
mod simulate;
