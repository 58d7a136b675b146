mod mask;
mod ring;
