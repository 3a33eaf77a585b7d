"""Clips, images and ffmpeg: measure, verify, decode, encode. Local files only: no URL is ever opened here."""
