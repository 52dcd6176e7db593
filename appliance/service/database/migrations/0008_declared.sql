-- Whether an uploader named the marking of a file, or took that of its project. Formats that cannot say how they are
-- marked need a person who does (docs/adr/0205-imagery-headers.md).
ALTER TABLE appliance.object ADD COLUMN declared boolean NOT NULL DEFAULT false;
