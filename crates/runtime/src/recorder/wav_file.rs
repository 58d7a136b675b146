//! A WAV file that can be played whenever its writer stops: what it says of its length is put right after each block.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    os::unix::fs::FileExt,
};
use tandem_media::Format;
use tandem_sound::wav::{HEADER, MAX_SOUND, header};

/// Where a file's bytes go.
pub(super) trait Medium {
    /// Puts some of the bytes behind the others; how many.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Puts bytes in the place of others.
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
    /// Forgets what is behind.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Medium for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }
}

/// Why it takes no more.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// A WAV file cannot say that it is longer.
    Long,
    /// The system's word.
    System(io::Error),
}

/// One file.
#[derive(Debug)]
pub(super) struct WavFile<M> {
    medium: M,
    format: Format,
    /// Bytes of sound that are in it.
    sound: u32,
}

impl<M: Medium> WavFile<M> {
    /// An empty medium becomes a recording without sound.
    pub(super) fn begin(medium: M, format: Format) -> io::Result<WavFile<M>> {
        let mut file = WavFile { medium, format, sound: 0 };
        let begun = file.append_all(&header(format.rate_hz, format.channels, 0));
        begun.map_err(|(_, error)| error)?;
        Ok(file)
    }

    /// Writes a block. What of it could be written stays, and the file is whole, whatever comes of it.
    pub(super) fn write(&mut self, block: &[u8]) -> Result<(), Unwritten> {
        let room = (MAX_SOUND - self.sound) as usize / self.format.moment() * self.format.moment();
        let appended = self.append_all(&block[..block.len().min(room)]);
        let written = match &appended {
            Ok(()) => block.len().min(room),
            Err((written, _)) => written / self.format.moment() * self.format.moment(),
        };
        self.sound += written as u32;
        // First the sound, then that it is there: a reader in between sees what was there before.
        let noted = self.medium.replace(0, &header(self.format.rate_hz, self.format.channels, self.sound));
        if let Err((_, error)) = appended {
            // What is left of a moment is no sound. If it cannot be cut off, the file says that it is none of it.
            let _ = self.medium.cut(HEADER as u64 + u64::from(self.sound));
            return Err(Unwritten::System(error));
        }
        noted.map_err(Unwritten::System)?;
        if room < block.len() { Err(Unwritten::Long) } else { Ok(()) }
    }

    /// How long it plays, in milliseconds.
    pub(super) fn ms(&self) -> u64 {
        u64::from(self.sound) / self.format.moment() as u64 * 1_000 / u64::from(self.format.rate_hz.max(1))
    }

    /// On failure, how much was written all the same.
    fn append_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.medium.append(&bytes[written..]) {
                Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_sound::wav;

    const MONO: Format = Format { rate_hz: 8_000, channels: 1 };
    const SIDES: Format = Format { rate_hz: 8_000, channels: 2 };

    /// A disk with so much room, which writes by pieces.
    #[derive(Debug)]
    struct Small {
        bytes: Vec<u8>,
        room: usize,
        piece: usize,
    }

    impl Medium for &mut Small {
        fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.piece).min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..count]);
            if count == 0 { Err(ErrorKind::StorageFull.into()) } else { Ok(count) }
        }

        fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
            self.bytes[at as usize..][..bytes.len()].copy_from_slice(bytes);
            Ok(())
        }

        fn cut(&mut self, length: u64) -> io::Result<()> {
            self.bytes.truncate(length as usize);
            Ok(())
        }
    }

    fn small(room: usize) -> Small {
        Small { bytes: Vec::new(), room, piece: 7 }
    }

    #[test]
    fn it_can_be_played_after_every_block() {
        let mut disk = small(1 << 20);
        let mut file = WavFile::begin(&mut disk, MONO).unwrap();
        for n in 0..10_usize {
            let played = wav::read(&file.medium.bytes).unwrap();
            assert!(played.samples.len() == n * 4_000 && file.ms() == n as u64 * 500, "{n}");
            file.write(&[n as u8; 8_000]).unwrap();
        }
        assert_eq!(disk.bytes.len(), HEADER + 80_000);
    }

    #[test]
    fn what_found_room_on_a_full_disk_can_be_played() {
        for room in HEADER..HEADER + 40 {
            let mut disk = small(room);
            let mut file = WavFile::begin(&mut disk, SIDES).unwrap();
            let failed = file.write(&[1; 4_000]).unwrap_err();
            assert!(matches!(failed, Unwritten::System(error) if error.kind() == ErrorKind::StorageFull));
            let moments = (room - HEADER) / 4;
            assert_eq!(disk.bytes.len(), HEADER + moments * 4);
            assert_eq!(wav::read(&disk.bytes).unwrap().samples.len(), moments);
        }
        assert!(WavFile::begin(&mut small(20), MONO).is_err());
    }

    #[test]
    fn it_ends_where_a_wav_file_does() {
        let mut disk = small(1 << 20);
        let mut file = WavFile::begin(&mut disk, SIDES).unwrap();
        file.sound = MAX_SOUND - 10;
        assert!(matches!(file.write(&[0; 8]), Ok(())));
        assert!(matches!(file.write(&[0; 8]), Err(Unwritten::Long)));
        assert_eq!(file.sound, MAX_SOUND - 2);
    }
}
